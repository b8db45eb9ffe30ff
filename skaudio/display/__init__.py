"""Plots of features, of training and of searches, in the form of scikit-learn's displays.

Create a display with ``from_...``, or draw it with ``plot``; matplotlib is imported inside
`plot`, so that the rest of skaudio works without it. For a confusion matrix use
:class:`sklearn.metrics.ConfusionMatrixDisplay`.
"""

from skaudio.display._detection import DetectionDisplay, DetectionErrorTradeoffDisplay
from skaudio.display._mfcc import MFCCDisplay
from skaudio.display._search_results import SearchResultsDisplay
from skaudio.display._training_history import TrainingHistoryDisplay

__all__ = [
    "DetectionDisplay",
    "DetectionErrorTradeoffDisplay",
    "MFCCDisplay",
    "SearchResultsDisplay",
    "TrainingHistoryDisplay",
]
