"""A transformer's computation as a layer, from waveforms to features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skaudio import dsp
from skaudio._tensorflow import keras

__all__ = ["FrontEnd"]

_DECIBELS = 10 / np.log(10)

# Fourier transforms of this length are a matrix product.
_SHORTEST = 64


class FrontEnd(keras.layers.Layer):
    """Compute the features of a fitted transformer.

    What is linear in `dsp` (cosine transform, derivatives, smoothing) is a matrix, which its
    functions make of the identity.

    Parameters
    ----------
    extractor : Extractor
        Of the transformer. Its front end is a function of `dsp` with all parameters.
    """

    def __init__(self, extractor):
        super().__init__(name="front_end")
        self.extractor = extractor

    def call(self, waveforms):
        """Compute the features.

        Parameters
        ----------
        waveforms : tensor of shape (n_clips, n_samples)
            Clips at the rate and of the length of the transformer.

        Returns
        -------
        tensor of shape (n_clips, n_frames, n_coefficients)
            Its features.
        """
        front_end, finish = self.extractor.front_end, self.extractor.finish
        options = dict(front_end.keywords)
        framing = {name: options.pop(name) for name in ("window", "hop_length", "center")}
        features = _FRONT_ENDS[front_end.func](waveforms, framing=framing, **options)
        n_frames = features.shape[1]
        derivatives = [
            _along_time(
                dsp.deltas(np.eye(n_frames)[None], width=finish.delta_width, order=order)[0],
                features,
            )
            for order in range(1, finish.delta_order + 1)
        ]
        if derivatives:
            features = keras.ops.concatenate([features, *derivatives], axis=2)
        if finish.normalize is not None:
            is_sound = _is_sound(
                waveforms,
                n_frames,
                n_fft=len(framing["window"]),
                hop_length=framing["hop_length"],
                center=framing["center"],
            )
            features = _normalized(features, is_sound, variance=finish.normalize == "mean_var")
        return features


# The functions of dsp --------------------------------------------------------------------------


def _log_mel(waveforms, *, framing, mel, top_db):
    ops = keras.ops
    power = _mel_spectrogram(waveforms, mel=mel, exponent=2, **framing)
    decibels = ops.log(ops.maximum(power, 1e-10)) * _DECIBELS
    if top_db is None:
        return decibels
    return ops.maximum(decibels, ops.max(decibels, axis=(1, 2), keepdims=True) - top_db)


def _mfcc(waveforms, *, framing, mel, top_db, n_mfcc, **options):
    matrix = dsp.cepstrum(np.eye(mel.shape[1])[None], n_mfcc, **options)[0]
    log_mel = _log_mel(waveforms, framing=framing, mel=mel, top_db=top_db)
    return keras.ops.matmul(log_mel, matrix.astype(np.float32))


def _pcen(waveforms, *, framing, mel, sample_rate, gain, bias, power, time_constant, eps):
    ops = keras.ops
    magnitudes = _mel_spectrogram(waveforms, mel=mel, exponent=1, **framing) * 2.0**31
    smoothing = dsp.exponential_smoothing(
        np.eye(magnitudes.shape[1])[None],
        sample_rate=sample_rate,
        hop_length=framing["hop_length"],
        time_constant=time_constant,
    )[0]
    smooth = _along_time(smoothing, magnitudes)
    gained = magnitudes * ops.exp(-gain * ops.log(smooth + eps))
    return ops.power(gained + bias, power) - bias**power


_FRONT_ENDS: dict[Any, Callable[..., Any]] = {
    dsp.mfcc: _mfcc,
    dsp.log_mel_spectrogram: _log_mel,
    dsp.pcen_spectrogram: _pcen,
}


# Their parts -----------------------------------------------------------------------------------


def _mel_spectrogram(waveforms, *, window, hop_length, center, mel, exponent):
    """Sum the spectra of frames into bands; the Fourier transform is a matrix product."""
    n_fft = len(window)
    frames = _frames(waveforms, n_fft=n_fft, hop_length=hop_length, center=center)
    return _bands(frames * window.astype(np.float32), n_fft, mel.toarray(), exponent)


def _frames(waveforms, *, n_fft, hop_length, center):
    """Cut waveforms into frames: rows of blocks of one hop, which are copied as a whole."""
    ops = keras.ops
    n_samples = waveforms.shape[1]
    n_frames = dsp.frame_count(n_samples, n_fft=n_fft, hop_length=hop_length, center=center)
    in_frame = -(-n_fft // hop_length)
    n_blocks = n_frames - 1 + in_frame
    before = n_fft // 2 if center else 0
    after = max(0, n_blocks * hop_length - before - n_samples)
    padded = ops.pad(waveforms, [[0, 0], [before, after]])[:, : n_blocks * hop_length]
    blocks = ops.reshape(padded, (-1, n_blocks, hop_length))
    rows = np.arange(n_frames, dtype=np.int32)[:, None] + np.arange(in_frame, dtype=np.int32)
    frames = ops.reshape(ops.take(blocks, rows, axis=1), (-1, n_frames, in_frame * hop_length))
    return frames[:, :, :n_fft]


def _bands(frames, n_fft, mel, exponent):
    """Sum the spectra of frames into bands: a fast Fourier transform with few, large steps.

    Frames of n_fft / s samples have the frequencies 0, s, 2 s, ... of n_fft. The even ones are
    those of the sum of both halves; the odd ones are a matrix product with their difference.
    """
    length = frames.shape[2]
    step = n_fft // length
    if length % 2 or length <= _SHORTEST:
        return _of_frequencies(frames, step * np.arange(length // 2 + 1), n_fft, mel, exponent)
    first, second = frames[:, :, : length // 2], frames[:, :, length // 2 :]
    odd = step * np.arange(1, length // 2 + 1, 2)
    of_odd = _of_frequencies(first - second, odd, n_fft, mel, exponent)
    return of_odd + _bands(first + second, n_fft, mel, exponent)


def _of_frequencies(frames, frequencies, n_fft, mel, exponent):
    """Sum some frequencies of the spectra of frames into bands."""
    ops = keras.ops
    used = frequencies[mel[frequencies].any(axis=1)]
    if not len(used):
        return 0.0
    # Reduced before the multiplication, so that the angle keeps its precision.
    angles = 2 * np.pi / n_fft * (np.outer(np.arange(frames.shape[2]), used) % n_fft)
    real = ops.matmul(frames, np.cos(angles).astype(np.float32))
    imaginary = ops.matmul(frames, np.sin(angles).astype(np.float32))
    spectrum = ops.square(real) + ops.square(imaginary)
    if exponent == 1:
        spectrum = ops.sqrt(spectrum)
    return ops.matmul(spectrum, mel[used])


def _along_time(matrix, features):
    """Multiply a matrix with the frames of each clip."""
    return keras.ops.matmul(matrix.astype(np.float32), features)


def _is_sound(waveforms, n_frames, *, n_fft, hop_length, center):
    """Find the frames before the zeros at the end of each clip."""
    ops = keras.ops
    indices = np.arange(1, waveforms.shape[1] + 1, dtype=np.int32)
    length = ops.max(ops.where(ops.not_equal(waveforms, 0), indices, 0), axis=1)
    padded = length + (2 * (n_fft // 2) if center else 0)
    n_sounding = ops.maximum(1, 1 + ops.floor_divide(padded - n_fft, hop_length))
    return ops.less(np.arange(n_frames, dtype=np.int32), n_sounding[:, None])[:, :, None]


def _normalized(features, is_sound, *, variance):
    ops = keras.ops
    weights = ops.cast(is_sound, "float32")
    n_frames = ops.sum(weights, axis=1, keepdims=True)
    # Relative to the first frame, for single precision.
    relative = features - features[:, :1]
    mean = ops.sum(relative * weights, axis=1, keepdims=True) / n_frames
    centred = relative - mean
    if not variance:
        return centred
    deviation = ops.sqrt(ops.sum(ops.square(centred) * weights, axis=1, keepdims=True) / n_frames)
    largest = ops.max(ops.abs(features) * weights, axis=(1, 2), keepdims=True)
    is_constant = ops.less_equal(deviation, 1e-6 * largest)
    return centred / ops.where(is_constant, 1.0, deviation)
