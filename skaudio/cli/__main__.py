"""``python -m skaudio.cli``."""

from skaudio.cli import main

main()
