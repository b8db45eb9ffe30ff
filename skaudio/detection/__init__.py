"""Find sounds in long recordings, with their times."""

from skaudio.detection._detector import SoundDetector, WindowScores
from skaudio.detection._events import Event
from skaudio.detection._labels import read_events, write_events
from skaudio.detection._scoring import EventScores, LabelScores, score_events
from skaudio.detection._training import cut_windows
from skaudio.detection._tuning import ErrorTradeoff, Tuning

__all__ = [
    "ErrorTradeoff",
    "Event",
    "EventScores",
    "LabelScores",
    "SoundDetector",
    "Tuning",
    "WindowScores",
    "cut_windows",
    "read_events",
    "score_events",
    "write_events",
]
