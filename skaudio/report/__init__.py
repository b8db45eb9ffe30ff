"""A classifier, its data and its mistakes on one page, to read and to listen to."""

from skaudio.report._card import write_model_card
from skaudio.report._facts import describe
from skaudio.report._report import write_report

__all__ = ["describe", "write_model_card", "write_report"]
