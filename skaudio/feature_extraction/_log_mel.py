"""Log-mel spectrograms."""

from __future__ import annotations

from functools import partial
from numbers import Real

from skaudio import dsp
from skaudio._validation import Interval
from skaudio.feature_extraction._mel import MelTransformer

__all__ = ["LogMelTransformer"]


class LogMelTransformer(MelTransformer):
    """Transform recordings to log-mel spectrograms.

    The values are those of :func:`librosa.power_to_db` applied to
    :func:`librosa.feature.melspectrogram`, clip by clip. With much data, they suit
    convolutions better than MFCCs, because neighbouring bands remain neighbours.

    Parameters
    ----------
    sample_rate, duration, n_fft, win_length, hop_length, n_mels, fmin, fmax, window, center
        As in :class:`~skaudio.MFCCTransformer`.
    top_db
        As in :class:`~skaudio.MFCCTransformer`.
    delta_order : {0, 1, 2}, default=0
        Append the derivatives over time up to this order: the output has
        ``n_mels * (1 + delta_order)`` coefficients. Convolutions and recurrent layers
        can learn derivatives themselves, hence 0.
    delta_width, normalize, align, trim_db, loudness, memory, n_jobs, verbose
        As in :class:`~skaudio.MFCCTransformer`.

    Attributes
    ----------
    duration_, n_samples_, n_frames_, n_fft_, win_length_, hop_length_, n_features_in_
        As in :class:`~skaudio.MFCCTransformer`.

    See Also
    --------
    MFCCTransformer : Adds a cosine transform.
    PCENTransformer : Suppresses steady noise instead of taking logarithms.
    librosa.feature.melspectrogram : The same for one waveform, transposed, not in dB.

    Notes
    -----
    `fit` only learns the length of a clip.

    References
    ----------
    S. S. Stevens, J. Volkmann and E. B. Newman, "A scale for the measurement of the
    psychological magnitude pitch", Journal of the Acoustical Society of America 8(3),
    185-190, 1937.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import LogMelTransformer
    >>> clips = np.random.default_rng(0).normal(size=(2, 16000))
    >>> LogMelTransformer(n_mels=40).fit_transform(clips).shape
    (2, 101, 40)
    """

    _parameter_constraints = {
        **MelTransformer._parameter_constraints,
        "top_db": [Interval(Real, 0, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        sample_rate=16000,
        duration=None,
        n_fft=None,
        win_length=None,
        hop_length=None,
        n_mels=64,
        fmin=0.0,
        fmax=None,
        window="hann",
        center=True,
        top_db=80.0,
        delta_order=0,
        delta_width=9,
        normalize=None,
        align=None,
        trim_db=40.0,
        loudness=None,
        memory=None,
        n_jobs=None,
        verbose=0,
    ):
        self.sample_rate = sample_rate
        self.duration = duration
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.center = center
        self.top_db = top_db
        self.delta_order = delta_order
        self.delta_width = delta_width
        self.normalize = normalize
        self.align = align
        self.trim_db = trim_db
        self.loudness = loudness
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _front_end(self, window, mel):
        return partial(
            dsp.log_mel_spectrogram,
            window=window,
            mel=mel,
            hop_length=self.hop_length_,
            center=self.center,
            top_db=self.top_db,
        )

    def _band_names(self):
        return [f"mel{n}" for n in range(self.n_mels)]
