"""Evaluate classifiers on recordings that they were not trained on."""

from skaudio.model_selection._comparison import Comparison, compare
from skaudio.model_selection._evaluation import ClassScores, Evaluation
from skaudio.model_selection._leaks import LeakValue, SplitCheck, check_split, leak_value
from skaudio.model_selection._resumable import ResumableSearch
from skaudio.model_selection._splits import OfficialSplit, groups_from_paths

__all__ = [
    "ClassScores",
    "Comparison",
    "Evaluation",
    "LeakValue",
    "OfficialSplit",
    "ResumableSearch",
    "SplitCheck",
    "check_split",
    "compare",
    "groups_from_paths",
    "leak_value",
]
