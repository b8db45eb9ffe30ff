"""Write a web page that listens, with an exported model in it."""

from skaudio.page._page import write_page

__all__ = ["write_page"]
