"""Evaluate classifiers on recordings that they were not trained on."""

from skaudio.model_selection._evaluation import ClassScores, Evaluation

__all__ = ["ClassScores", "Evaluation"]
