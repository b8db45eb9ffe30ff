"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real

from skaudio import dsp
from skaudio._validation import Interval, StrOptions
from skaudio.feature_extraction._base import AudioTransformer

__all__ = ["MFCCTransformer"]


class MFCCTransformer(AudioTransformer):
    """Turn recordings into mel-frequency cepstral coefficients.

    The values are those of :func:`librosa.feature.mfcc`, clip by clip: the features of
    a clip depend on that clip alone.

    Parameters
    ----------
    sample_rate : int, default=16000
        Every recording is resampled to this rate, in Hz. 16 kHz keeps the whole band of
        speech; librosa's default of 22,050 Hz would resample nearly every recording of
        speech without need.
    duration : float or None, default=None
        Length of a clip in seconds: longer recordings lose their end, shorter ones are
        followed by silence. None learns it in `fit`: the shortest length that covers 95 % of
        the recordings, rounded up to a tenth of a second (to a hundredth below half a second),
        so that the folds of a cross-validation agree on it. A few recordings that are absurdly
        long (one in ten at most, longer than four times the median) are set aside before.
    n_mfcc : int, default=40
        Number of coefficients, at most `n_mels`. 13 to 20 are usual for hidden Markov
        models; convolutional networks gain from the finer detail.
    n_fft : int or None, default=None
        Length of the Fourier transform, in samples. None means the next power of two that
        holds the window: 512 at 16 kHz.
    win_length : int or None, default=None
        Length of the analysis window, in samples, padded with zeros to `n_fft`. None means
        30 ms, the usual choice for keyword spotting (480 at 16 kHz), but at most `n_fft`;
        librosa takes it for `n_fft`.
    hop_length : int or None, default=None
        Samples from one frame to the next. None means 10 ms: 160 at 16 kHz.
    n_mels : int, default=64
        Number of mel bands. `fit` warns of bands so narrow that no frequency of the Fourier
        transform lies in them.
    fmin : float, default=0.0
        Lowest frequency, in Hz.
    fmax : float or None, default=None
        Highest frequency, in Hz. None means half the sampling rate.
    window : str, float, tuple or array-like of shape (win_length,), default="hann"
        The analysis window, as :func:`scipy.signal.get_window` takes it.
    center : bool, default=True
        Centre frame ``t`` on sample ``t * hop_length_``, padding the clip with zeros.
    top_db : float or None, default=80.0
        Dynamic range, in dB: what lies further below the loudest band of the same clip
        is raised to that floor. None keeps everything (down to -100 dB).
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of the discrete cosine transform.
    lifter : float, default=0
        Cepstral liftering; 0 means none.
    delta_order : {0, 1, 2}, default=0
        Append the derivatives along time up to this order: the output has
        ``n_mfcc * (1 + delta_order)`` coefficients. Convolutions and recurrent layers
        learn derivatives by themselves, hence 0.
    delta_width : int, default=9
        Frames over which a derivative is estimated; odd, at least 3.
    normalize : {"mean", "mean_var"} or None, default=None
        Subtract each coefficient's mean over the clip, and divide by its standard
        deviation: against microphones, rooms and, in part, voices that training has not
        met. The silence behind a short recording does not count. None keeps what
        librosa computes.
    align : {"trim", "center"} or None, default=None
        Where in the clip the sound stands. "trim": the silence before and after it is cut
        off. "center": the middle of the sound becomes the middle of the clip. Both read
        recordings to their end; the clip length that `fit` learns is that of the
        recordings. None: where the recording has it.
    trim_db : float, default=40.0
        For `align`: frames of 25 ms that lie further below the loudest one are silence,
        in dB.
    loudness : float or None, default=None
        Bring each clip to this loudness, in LUFS (ITU-R BS.1770), such as -23. None
        leaves it as recorded.
    memory : str, PathLike, True, FeatureStore, joblib.Memory or None, default=None
        Keep features in this folder (True: the user's cache directory; a
        :class:`joblib.Memory`: its folder), by the content of each recording and all that
        changes the result, so that folds, candidates, processes and later runs compute
        each clip once. A file is known by its path, size and time of change; everything
        else by its bytes or samples. This is not the `memory` of
        :class:`~sklearn.pipeline.Pipeline`, which keeps fitted transformers, each with its
        output for the whole training set. See :class:`~skaudio.store.FeatureStore` for the
        size and how to clear.
    n_jobs : int or None, default=None
        Workers that decode and transform at the same time, as in scikit-learn. They are
        threads (decoding and Fourier transforms release the interpreter), unless
        :func:`joblib.parallel_config` says otherwise.
    verbose : int, default=0
        Show a progress bar when positive.

    Attributes
    ----------
    duration_ : float
        Length of every clip, in seconds: `duration`, or what was learned.
    n_samples_ : int
        Length of every clip, in samples at `sample_rate`.
    n_frames_ : int
        Number of frames of every clip.
    n_fft_, win_length_, hop_length_ : int
        The lengths in samples that are used: those given, or what follows from `sample_rate`.
    n_features_in_ : int
        Number of samples in a row. Only defined when `fit` was given a 2-D array.

    See Also
    --------
    librosa.feature.mfcc : The same for one waveform, transposed.
    LogMelTransformer : Stops before the cosine transform.
    PCENTransformer : Divides steady noise away.
    skaudio.dsp.mfcc : The arithmetic.

    Notes
    -----
    `fit` learns the length of a clip and nothing else. With `duration` given it does not
    open any recording.

    Frames in the silence that follows a short recording are what librosa would compute
    for that silence. The classifiers of skaudio recognise such frames at the end of a
    clip; the recurrent ones mask them.

    References
    ----------
    S. Davis and P. Mermelstein, "Comparison of parametric representations for
    monosyllabic word recognition in continuously spoken sentences", IEEE Transactions
    on Acoustics, Speech, and Signal Processing 28(4), 357-366, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer
    >>> rng = np.random.default_rng(0)
    >>> clips = [rng.normal(size=16000), (rng.normal(size=6000), 8000)]
    >>> mfcc = MFCCTransformer(n_mfcc=13).fit(clips)
    >>> mfcc.duration_
    1.0
    >>> mfcc.transform(clips).shape
    (2, 101, 13)
    """

    _parameter_constraints = {
        **AudioTransformer._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
        "dct_type": [Interval(Integral, 1, 3, closed="both")],
        "norm": [StrOptions({"ortho"}), None],
        "lifter": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        sample_rate=16000,
        duration=None,
        n_mfcc=40,
        n_fft=None,
        win_length=None,
        hop_length=None,
        n_mels=64,
        fmin=0.0,
        fmax=None,
        window="hann",
        center=True,
        top_db=80.0,
        dct_type=2,
        norm="ortho",
        lifter=0,
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
        self.n_mfcc = n_mfcc
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.center = center
        self.top_db = top_db
        self.dct_type = dct_type
        self.norm = norm
        self.lifter = lifter
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
            dsp.mfcc,
            window=window,
            mel=mel,
            hop_length=self.hop_length_,
            n_mfcc=self.n_mfcc,
            center=self.center,
            top_db=self.top_db,
            dct_type=self.dct_type,
            norm=self.norm,
            lifter=self.lifter,
        )

    def _band_names(self):
        return [f"mfcc{n}" for n in range(self.n_mfcc)]

    def _check_parameters_together(self):
        super()._check_parameters_together()
        if self.n_mfcc > self.n_mels:
            raise ValueError(
                f"n_mfcc={self.n_mfcc} coefficients cannot be made of n_mels={self.n_mels} mel "
                "bands: n_mfcc must be at most n_mels."
            )
        if self.dct_type == 1 and self.n_mels < 2:
            raise ValueError("dct_type=1 needs n_mels of at least 2, got 1.")
