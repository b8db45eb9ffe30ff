"""Pure functions that compute feature sequences from batches of waveforms.

They do not use files, estimators or labels. Functions of waveforms or features
take ``float32`` arrays whose first axis is the clips, and the result for one clip is
exactly the same, whatever the other clips in the batch.
Matrix products do not use BLAS, whose last bits depend on its number of threads.

Arrays are ``(clips, frames, coefficients)`` everywhere in skaudio; librosa's are
``(coefficients, frames)``. Apart from this transposition the values equal librosa's:
each function names the corresponding librosa function.
"""

from skaudio.dsp._cepstrum import cepstrum
from skaudio.dsp._compression import exponential_smoothing, pcen, power_to_db
from skaudio.dsp._front_ends import log_mel_spectrogram, mfcc, pcen_spectrogram
from skaudio.dsp._mel import (
    are_overlapping,
    mel_filterbank,
    mel_frequencies,
    mel_spectrogram,
)
from skaudio.dsp._sequence import deltas, normalize
from skaudio.dsp._spectrum import amplitude_window, frame_count, frames, power_spectrogram
from skaudio.dsp._waveform import (
    LOWEST_RATE_OF_LOUDNESS,
    loudness,
    sounding_interval,
    unpadded_lengths,
)

__all__ = [
    "LOWEST_RATE_OF_LOUDNESS",
    "amplitude_window",
    "are_overlapping",
    "cepstrum",
    "deltas",
    "exponential_smoothing",
    "frame_count",
    "frames",
    "log_mel_spectrogram",
    "loudness",
    "mel_filterbank",
    "mel_frequencies",
    "mel_spectrogram",
    "mfcc",
    "normalize",
    "pcen",
    "pcen_spectrogram",
    "power_spectrogram",
    "power_to_db",
    "sounding_interval",
    "unpadded_lengths",
]
