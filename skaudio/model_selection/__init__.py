"""Evaluate classifiers on recordings that they were not trained on."""

from skaudio.model_selection._evaluation import ClassScores, Evaluation
from skaudio.model_selection._resumable import ResumableSearch

__all__ = ["ClassScores", "Evaluation", "ResumableSearch"]
