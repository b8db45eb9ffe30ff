"""Pictures and sounds as text that stands in a page."""

from __future__ import annotations

import base64
import importlib
import io
import re
import wave
from dataclasses import dataclass
from typing import Any

import numpy as np

from skaudio import audio, dsp
from skaudio.exceptions import AudioError, MissingDependencyError

__all__ = [
    "SECONDS",
    "Sound",
    "curves",
    "histogram",
    "learning_curves",
    "reliability_diagram",
    "sound_of",
]

# Rate of the sounds on the page: what a classifier of 16 kHz hears. In Hz.
_RATE = 16000

# Longer recordings are cut, which is said on the page: a minute would be 2.5 MB.
SECONDS = 5.0


@dataclass(frozen=True)
class Sound:
    """A recording to hear and to see.

    Attributes
    ----------
    player : str
        A data URI of a WAV file; empty if the recording cannot be read.
    picture : str
        A data URI of its spectrogram.
    is_cut : bool
        Whether only its beginning can be heard.
    """

    player: str
    picture: str
    is_cut: bool


def sound_of(recording: Any) -> Sound:
    """Make the player and the picture of a recording.

    Parameters
    ----------
    recording : recording
        As transformers take it.

    Returns
    -------
    Sound
        What the page shows.
    """
    try:
        samples = audio.load(recording, sample_rate=_RATE, duration=SECONDS + 0.1)
    except AudioError:
        return Sound("", "", False)
    n_samples = int(SECONDS * _RATE)
    is_cut = len(samples) > n_samples
    samples = samples[:n_samples]
    return Sound(_wav_uri(samples), _spectrogram_uri(samples), is_cut)


def _wav_uri(samples: np.ndarray) -> str:
    loudest = max(1.0, float(np.abs(samples).max()))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(np.round(samples / loudest * 32767).astype("<i2").tobytes())
    return _uri("audio/wav", file.getvalue())


def _spectrogram_uri(samples: np.ndarray) -> str:
    hop_length = max(160, -(-len(samples) // 200))  # at most 200 pixels
    decibels = dsp.log_mel_spectrogram(
        samples[None],
        window=dsp.amplitude_window("hann", 512, 512),
        mel=dsp.mel_filterbank(sample_rate=_RATE, n_fft=512, n_mels=48, fmin=50, fmax=_RATE / 2),
        hop_length=hop_length,
        top_db=70.0,
    )[0]
    file = io.BytesIO()
    _matplotlib("image").imsave(file, decibels.T[::-1], cmap="magma", format="png")
    return _uri("image/png", file.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


# Figures --------------------------------------------------------------------------------


def learning_curves(histories: list[dict[str, list[float]]]) -> str:
    """Draw loss and accuracy of training against the epochs, a line for each fold.

    Parameters
    ----------
    histories : list of dict
        Training histories.

    Returns
    -------
    str
        An SVG picture; empty if there is neither.
    """
    names = [name for name in ("loss", "accuracy") if all(name in h for h in histories)]
    if not names:
        return ""
    figure, axes = _figure(len(names))
    for ax, name in zip(axes, names, strict=True):
        for index, history in enumerate(histories):
            for key, style in ((name, "-"), (f"val_{name}", "--")):
                if key in history:
                    epochs = np.arange(1, len(history[key]) + 1)
                    label = {"-": "training", "--": "held out"}[style] if index == 0 else None
                    ax.plot(epochs, history[key], style, color=f"C{index}", lw=1, label=label)
        ax.set(xlabel="epoch", ylabel=name)
        if any(f"val_{name}" in history for history in histories):
            ax.legend(frameon=False)
    return _svg(figure, "learning curves")


def reliability_diagram(bins: np.ndarray) -> str:
    """Draw accuracy against probability.

    Parameters
    ----------
    bins : ndarray of shape (n_bins, 3)
        Mean probability, accuracy and number of clips.

    Returns
    -------
    str
        An SVG picture.
    """
    figure, (ax,) = _figure(1)
    low = min(0.9, np.floor(10 * bins[:, :2].min()) / 10)
    ax.plot([low, 1], [low, 1], ":", color="0.5", label="perfect")
    ax.plot(bins[:, 0], bins[:, 1], "o-", color="C0", label="measured")
    ax.set(xlabel="probability of the predicted label", ylabel="share that is right")
    ax.legend(frameon=False)
    return _svg(figure, "reliability diagram")


def curves(kept: np.ndarray, threshold: float | None = None) -> str:
    """Draw the accuracy of the clips that reach a threshold.

    Parameters
    ----------
    kept : ndarray of shape (n_clips, 3)
        Threshold, share of clips that reach it, and their accuracy.
    threshold : float, default=None
        A threshold to mark.

    Returns
    -------
    str
        An SVG picture.
    """
    figure, (left, right) = _figure(2)
    left.plot(kept[:, 1], kept[:, 2], color="C0")
    left.set(xlabel="share of clips that are kept", ylabel="accuracy of these")
    right.plot(kept[:, 0], kept[:, 1], color="C1", label="share kept")
    right.plot(kept[:, 0], kept[:, 2], color="C0", label="accuracy")
    right.set(xlabel="threshold of the probability")
    if threshold is not None:
        right.axvline(threshold, ls=":", color="0.5", label="threshold")
    right.legend(frameon=False)
    return _svg(figure, "accuracy and share of kept clips against the threshold")


def histogram(durations: np.ndarray) -> str:
    """Draw the distribution of lengths.

    Parameters
    ----------
    durations : ndarray of shape (n_clips,)
        Seconds.

    Returns
    -------
    str
        An SVG picture.
    """
    figure, (ax,) = _figure(1)
    ax.hist(durations[np.isfinite(durations)], bins=30, color="C0")
    ax.set(xlabel="length (s)", ylabel="recordings")
    return _svg(figure, "distribution of lengths")


def _figure(n_axes: int) -> tuple[Any, Any]:
    figure = _matplotlib("figure").Figure(figsize=(3.6 * n_axes, 2.7), layout="constrained")
    axes = figure.subplots(1, n_axes, squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, title: str) -> str:
    """Write a picture whose lines and letters have the colour of the page's text."""
    file = io.StringIO()
    with _matplotlib().rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    # Identifiers must differ between the pictures of a page.
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{title.replace(' ', '-')}-", svg)
    svg = svg.replace("#000000", "currentColor")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _matplotlib(module: str = "") -> Any:
    try:
        return importlib.import_module(f"matplotlib.{module}".rstrip("."))
    except ImportError as error:
        raise MissingDependencyError(
            'Reports need matplotlib, which is not installed: pip install "skaudio[report]".'
        ) from error
