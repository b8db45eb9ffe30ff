"""Functions that load, fetch and make data sets, named as in scikit-learn.

``load_*`` lists local files, ``fetch_*`` downloads a public data set unless it is already on
this machine, ``make_*`` synthesises. All of them return a
:class:`~sklearn.utils.Bunch`, or ``(data, target)`` with ``return_X_y=True``; its
``groups`` are the speakers, for scikit-learn's group-wise splitters. :func:`check_clips` finds
what is wrong with a set of recordings.

No other function decodes recordings: ``data`` is a list of paths or of segments, or an array of
synthetic clips. :class:`~skaudio.feature_extraction.MFCCTransformer` takes all of these.
"""

from skaudio.datasets._check import ClipCheck, check_clips
from skaudio.datasets._download import get_data_home
from skaudio.datasets._folder import load_audio_folder
from skaudio.datasets._free_spoken_digits import fetch_free_spoken_digits
from skaudio.datasets._soundscape import make_soundscape
from skaudio.datasets._speech_commands import fetch_speech_commands
from skaudio.datasets._spoken_words import make_spoken_words
from skaudio.datasets._table import load_audio_table

__all__ = [
    "ClipCheck",
    "check_clips",
    "fetch_free_spoken_digits",
    "fetch_speech_commands",
    "get_data_home",
    "load_audio_folder",
    "load_audio_table",
    "make_soundscape",
    "make_spoken_words",
]
