"""Pure, batched arithmetic from waveforms to feature sequences.

Nothing here knows about files, estimators or labels. Functions of waveforms or features
are made for ``float32`` arrays whose first axis counts clips, and what they
return for one clip does not depend, in a single bit, on the other clips in the batch.
No matrix product goes through BLAS, whose last bits depend on its number of threads.

Arrays are ``(clips, frames, coefficients)`` everywhere in skaudio; librosa's are
``(coefficients, frames)``. Apart from that transposition the values are librosa's:
each function names the librosa function that it agrees with.
"""

from skaudio.dsp._cepstrum import cepstrum
from skaudio.dsp._compression import pcen, power_to_db
from skaudio.dsp._front_ends import log_mel_spectrogram, mfcc, pcen_spectrogram
from skaudio.dsp._mel import mel_filterbank, mel_frequencies, mel_spectrogram
from skaudio.dsp._sequence import deltas, normalize
from skaudio.dsp._spectrum import amplitude_window, frame_count, frames, power_spectrogram
from skaudio.dsp._waveform import LOWEST_RATE_OF_LOUDNESS, loudness, sounding_interval

__all__ = [
    "LOWEST_RATE_OF_LOUDNESS",
    "amplitude_window",
    "cepstrum",
    "deltas",
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
]
