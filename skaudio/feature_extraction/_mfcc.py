"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real

from skaudio import dsp
from skaudio._validation import Interval, StrOptions
from skaudio.feature_extraction._mel import MelTransformer

__all__ = ["MFCCTransformer"]


class MFCCTransformer(MelTransformer):
    """Transform recordings to mel-frequency cepstral coefficients.

    The values are those of :func:`librosa.feature.mfcc`, clip by clip: the features of
    a clip depend only on that clip.

    Parameters
    ----------
    sample_rate : int, default=16000
        Every recording is resampled to this rate, in Hz. 16 kHz covers the whole band of
        speech; librosa's default of 22,050 Hz would needlessly resample nearly every
        recording of speech.
    duration : float or None, default=None
        Length of a clip in seconds: longer recordings are cut at the end, shorter ones are
        padded with silence. None means that `fit` learns it: the shortest length that covers
        95 % of the recordings, rounded up to 1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8 or 10 s, or
        a power of ten of these, so that it is usually the same in all folds of a
        cross-validation; a recording may be half a percent longer. For this, a few very long
        recordings (at most one in ten, over four times the median) are ignored.
    n_mfcc : int, default=40
        Number of coefficients, at most `n_mels`. 13 to 20 are usual for hidden Markov
        models; convolutional networks benefit from finer detail.
    n_fft : int or None, default=None
        Length of the Fourier transform, in samples. None means the smallest power of two that
        is at least the length of the window: 512 at 16 kHz.
    win_length : int or None, default=None
        Length of the analysis window, in samples, padded with zeros to `n_fft`. None means
        three times the default hop, but at most `n_fft`: 480 at 16 kHz for clips of up to 1.5 s.
        In librosa None means `n_fft`.
    hop_length : int or None, default=None
        Number of samples between successive frames. None means 10 ms, the usual choice for
        words, in clips of up to 1.5 s. Longer clips have about 150 frames, which limits the
        time of a fit, up to a hop of 32 ms, usual for environmental sounds.
    n_mels : int, default=64
        Number of mel bands. `fit` warns if bands are so narrow that they contain no frequency
        of the Fourier transform.
    fmin : float, default=0.0
        Lowest frequency, in Hz.
    fmax : float or None, default=None
        Highest frequency, in Hz. None means half the sampling rate.
    window : str, float, tuple or array-like of shape (win_length,), default="hann"
        The analysis window: an argument of :func:`scipy.signal.get_window`, or weights.
    center : bool, default=True
        Centre frame ``t`` on sample ``t * hop_length_``, padding the clip with zeros.
    top_db : float or None, default=80.0
        Dynamic range, in dB: values that are further below the maximum of the same clip are
        raised to this limit. None leaves all values above -100 dB unchanged.
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of the discrete cosine transform.
    lifter : float, default=0
        Cepstral liftering; 0 means no liftering.
    delta_order : {0, 1, 2}, default=0
        Append the derivatives over time up to this order: the output has
        ``n_mfcc * (1 + delta_order)`` coefficients. Convolutions and recurrent layers
        can learn derivatives themselves, hence 0.
    delta_width : int, default=9
        Number of frames to estimate a derivative from; odd, at least 3.
    normalize : {"mean", "mean_var"} or None, default=None
        Subtract the mean of each coefficient over the clip, and, with "mean_var", divide by
        its standard deviation. This helps with microphones, rooms and, in part, voices that
        are not in the training set. The silence that pads a short recording is excluded, and so
        are zeros at its end. None does not normalise, like librosa.
    align : {"trim", "center"} or None, default=None
        Position of the sound in the clip. "trim" cuts the silence before and after it;
        "center" moves its middle to the middle of the clip. For both, recordings are read
        completely; the clip length that `fit` learns is still that of the recordings. None
        does not move the sound.
    trim_db : float, default=40.0
        For `align`: frames of 25 ms that are further below the loudest one are silence,
        in dB.
    loudness : float or None, default=None
        Scale each clip to this loudness, in LUFS (ITU-R BS.1770), such as -23. None
        does not scale it.
    memory : str, PathLike, True, FeatureStore, joblib.Memory or None, default=None
        Store features in this folder (True: the user's cache directory; a
        :class:`joblib.Memory`: its folder), so that folds, candidates, processes and later
        runs compute each clip only once. Features are identified by the recording and by
        all that affects the result: a file by its path, size and time of change, everything
        else by its bytes or samples. This differs from the `memory` of
        :class:`~sklearn.pipeline.Pipeline`, which stores fitted transformers, each with its
        output for the whole training set. See :class:`~skaudio.store.FeatureStore` for the
        size limit and for clearing.
    n_jobs : int or None, default=None
        Number of workers that decode and transform, as in scikit-learn. They are threads
        (decoding and Fourier transforms release the interpreter lock), unless
        :func:`joblib.parallel_config` selects another backend.
    verbose : int, default=0
        Show a progress bar if positive.

    Attributes
    ----------
    duration_ : float
        Length of every clip, in seconds: `duration`, or the learned length.
    n_samples_ : int
        Length of every clip, in samples at `sample_rate`.
    n_frames_ : int
        Number of frames of every clip.
    n_fft_, win_length_, hop_length_ : int
        The values that are used, in samples: the parameters, or the defaults for `sample_rate`.
    n_features_in_ : int
        Number of samples in a row. Only defined if `X` in `fit` was a 2-D array.

    See Also
    --------
    librosa.feature.mfcc : The same for one waveform, transposed.
    LogMelTransformer : The same without the cosine transform.
    PCENTransformer : Suppresses steady noise.
    skaudio.dsp.mfcc : The same for arrays of samples.

    Notes
    -----
    `fit` only learns the length of a clip. If `duration` is set, it does not open any
    recording.

    Frames in the silence that pads a short recording have the values that librosa computes
    for silence. The classifiers of skaudio recognise such frames at the end of a
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
        **MelTransformer._parameter_constraints,
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
                f"n_mfcc must be at most n_mels, the number of mel bands, got n_mfcc={self.n_mfcc} "
                f"and n_mels={self.n_mels}."
            )
        if self.dct_type == 1 and self.n_mels < 2:
            raise ValueError("dct_type=1 needs n_mels of at least 2, got 1.")
