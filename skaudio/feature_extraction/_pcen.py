"""Mel spectrograms with per-channel energy normalisation."""

from __future__ import annotations

from functools import partial
from numbers import Real

from skaudio import dsp
from skaudio._validation import Interval
from skaudio.feature_extraction._mel import MelTransformer

__all__ = ["PCENTransformer"]


class PCENTransformer(MelTransformer):
    """Transform recordings to mel spectrograms with per-channel energy normalisation.

    Each mel band is divided by its smoothed past and compressed by a root
    (per-channel energy normalisation, PCEN). This suppresses steady noise and the
    loudness of the recording, and emphasises onsets, which helps with keyword spotting
    at a distance and with animal sounds outdoors.

    Parameters
    ----------
    sample_rate, duration, n_fft, win_length, hop_length, n_mels, fmin, fmax, window, center
        As in :class:`~skaudio.MFCCTransformer`.
    gain : float, default=0.98
        Strength of the automatic gain control, from 0 (none) to 1.
    bias : float, default=2.0
        Added before the root; the higher it is, the less quiet sounds count.
    power : float, default=0.5
        Exponent of the compression.
    time_constant : float, default=0.4
        Time constant of the filter that smooths each band, in seconds.
    eps : float, default=1e-06
        Prevents a division by zero in silence.
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
    LogMelTransformer : Takes logarithms instead.
    librosa.pcen : The same for one mel spectrogram, transposed.
    skaudio.dsp.pcen : The normalisation alone, of an array of magnitudes.

    Notes
    -----
    The values are those of ``librosa.pcen(S * 2**31, sr=sample_rate, hop_length=...)``
    with ``S`` the mel spectrogram of magnitudes (``power=1``), except for the start of the
    smoothing filter (:func:`skaudio.dsp.pcen`). The constants of the paper, which are the
    defaults, are for 32-bit integer samples, hence the factor.

    `fit` only learns the length of a clip.

    References
    ----------
    Y. Wang, P. Getreuer, T. Hughes, R. F. Lyon and R. A. Saurous, "Trainable frontend for
    robust and far-field keyword spotting", ICASSP 2017, 5670-5674.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import PCENTransformer
    >>> clips = np.random.default_rng(0).normal(size=(2, 16000))
    >>> PCENTransformer(n_mels=40).fit_transform(clips).shape
    (2, 101, 40)
    """

    _parameter_constraints = {
        **MelTransformer._parameter_constraints,
        "gain": [Interval(Real, 0, 1, closed="both")],
        "bias": [Interval(Real, 0, None, closed="left")],
        "power": [Interval(Real, 0, 1, closed="right")],
        "time_constant": [Interval(Real, 0, 3600, closed="right")],
        "eps": [Interval(Real, 1e-30, None, closed="left")],
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
        gain=0.98,
        bias=2.0,
        power=0.5,
        time_constant=0.4,
        eps=1e-06,
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
        self.gain = gain
        self.bias = bias
        self.power = power
        self.time_constant = time_constant
        self.eps = eps
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
            dsp.pcen_spectrogram,
            window=window,
            mel=mel,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length_,
            center=self.center,
            gain=self.gain,
            bias=self.bias,
            power=self.power,
            time_constant=self.time_constant,
            eps=self.eps,
        )

    def _band_names(self):
        return [f"pcen{n}" for n in range(self.n_mels)]
