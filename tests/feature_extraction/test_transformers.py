"""The transformers from the outside: parity, kinds of input, errors."""

import io
import warnings
from pathlib import Path

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import sklearn
import soundfile
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import AudioError, LogMelTransformer, MFCCTransformer, PCENTransformer

RATE = 16000

A_ROW_IS_A_RECORDING = (
    "a row of a 2-D array is a recording, and recordings may have any length: transform cuts "
    "or pads each one to n_samples_"
)


@parametrize_with_checks(
    [MFCCTransformer(), LogMelTransformer(), PCENTransformer()],
    expected_failed_checks=lambda estimator: {
        "check_n_features_in_after_fitting": A_ROW_IS_A_RECORDING,
        "check_transformer_general": A_ROW_IS_A_RECORDING,
        "check_estimators_dtypes": "samples of type int64 do not tell what full scale is: taken as "
        "they are, a recording would be 32,768 times too loud, so they are refused",
    },
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


def _librosa_mfcc(clip, **parameters):
    settings = {"n_mfcc": 40, "n_fft": 512, "win_length": 480, "hop_length": 160, "n_mels": 64}
    return librosa.feature.mfcc(y=clip, sr=RATE, **{**settings, **parameters}).T


def test_equals_librosa_for_short_and_long_clips():
    rng = np.random.default_rng(0)
    clips = [0.1 * rng.normal(size=n).astype(np.float32) for n in (9000, 16000, 20000)]
    features = MFCCTransformer(duration=1.0).fit_transform(clips)
    assert features.shape == (3, 101, 40)
    assert features.dtype == np.float32
    for clip, ours in zip(clips, features, strict=True):
        padded = librosa.util.fix_length(clip, size=RATE)
        np.testing.assert_allclose(ours, _librosa_mfcc(padded), atol=1e-3)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_mfcc": 13, "lifter": 22, "dct_type": 3},
        {"fmin": 50.0, "fmax": 4000.0, "n_mels": 30, "n_mfcc": 20},
        {"window": "hamming", "center": False, "win_length": 400},
        {"norm": None, "n_mfcc": 5, "dct_type": 1},
    ],
)
def test_every_named_parameter_means_what_librosa_means(parameters):
    clip = 0.1 * np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    ours = MFCCTransformer(**parameters).fit_transform([clip])[0]
    theirs = _librosa_mfcc(clip, **parameters)
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize(
    ("rate", "n_fft", "win_length", "hop_length"),
    [(8000, 256, 240, 80), (22050, 1024, 660, 220), (44100, 2048, 1323, 441)],
)
def test_the_lengths_in_samples_follow_the_rate(rate, n_fft, win_length, hop_length):
    clip = 0.1 * np.random.default_rng(0).normal(size=rate // 2).astype(np.float32)
    lengths = {"n_fft": n_fft, "win_length": win_length, "hop_length": hop_length}
    for front_end in (MFCCTransformer, LogMelTransformer, PCENTransformer):
        followed = front_end(sample_rate=rate)
        features = followed.fit_transform([clip])
        assert {name: getattr(followed, f"{name}_") for name in lengths} == lengths
        np.testing.assert_array_equal(
            features, front_end(sample_rate=rate, **lengths).fit_transform([clip])
        )
    mel = librosa.feature.melspectrogram(y=clip, sr=rate, n_mels=64, **lengths)
    features = LogMelTransformer(sample_rate=rate).fit_transform([clip])
    np.testing.assert_allclose(features[0], librosa.power_to_db(mel).T, atol=1e-3)


def test_lengths_that_are_given_stay_and_the_others_fit_them():
    def lengths(**parameters):
        fitted = MFCCTransformer(duration=1.0, n_mels=40, **parameters).fit(["not opened"])
        return fitted.n_fft_, fitted.win_length_, fitted.hop_length_

    assert lengths() == (512, 480, 160)
    assert lengths(win_length=600) == (1024, 600, 160)
    assert lengths(win_length=1024, hop_length=7) == (1024, 1024, 7)
    assert lengths(n_fft=2048) == (2048, 480, 160)
    assert lengths(n_fft=400) == (400, 400, 160)
    # The rate is multiplied in integers that do not overflow.
    assert lengths(sample_rate=np.int16(16000)) == (512, 480, 160)


def test_empty_mel_bands_are_warned_of_in_fit_with_the_remedy():
    with pytest.warns(UserWarning, match="Empty filters"):
        theirs = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=200)
    n_empty = int((theirs.max(axis=1) == 0).sum())
    message = (
        f"^{n_empty} of the n_mels=200 mel bands of LogMelTransformer are empty.*n_fft=512, which "
        "are 31.2 Hz apart. Use fewer n_mels or a larger n_fft"
    )
    clips = np.ones((2, RATE))
    with pytest.warns(UserWarning, match=message) as caught:
        transformer = LogMelTransformer(n_mels=200).fit(clips)
    assert [warning.filename for warning in caught] == [__file__]
    # Warnings are errors here: neither this nor the remedy warns.
    assert transformer.transform(clips).shape == (2, 101, 200)
    LogMelTransformer(n_mels=200, n_fft=1024).fit(clips)


def test_a_fit_that_fails_leaves_it_as_it_was():
    clip = np.ones(RATE)
    transformer = MFCCTransformer().fit([clip])
    expected = transformer.transform([clip])
    with pytest.raises(AudioError, match="NaN"):
        transformer.set_params(hop_length=320).fit([np.full(RATE, np.nan)])
    np.testing.assert_array_equal(transformer.transform([clip]), expected)


def test_features_do_not_depend_on_neighbours_or_workers(tone_files):
    paths, _, _ = tone_files
    together = MFCCTransformer(n_jobs=2).fit(paths).transform(paths)
    one = MFCCTransformer(duration=0.32).fit(paths)
    alone = np.concatenate([one.transform([path]) for path in paths])
    np.testing.assert_array_equal(together, alone)


def test_all_kinds_of_x_are_the_same(tone_files, tones):
    paths, _, _ = tone_files
    quantised = np.stack([soundfile.read(path, dtype="float32")[0] for path in paths])
    expected = MFCCTransformer().fit_transform(paths)
    kinds = {
        "array of str": np.array(paths),
        "array of objects": np.array([Path(path) for path in paths], dtype=object),
        "column of an array": np.array(paths)[:, None],
        "iterator": iter(paths),
        "Path": [Path(path) for path in paths],
        "Series": pd.Series(paths),
        "Series of strings": pd.Series(paths, dtype="string", index=range(7, 37)),
        "Series of Path": pd.Series([Path(path) for path in paths]),
        "column": pd.DataFrame({"path": paths}),
        "bytes": [Path(path).read_bytes() for path in paths],
        "open files": [io.BytesIO(Path(path).read_bytes()) for path in paths],
        "2-D array": quantised,
        "list of arrays": list(quantised),
        "pairs": [(clip, RATE) for clip in quantised],
        "int16": (quantised * 2**15).astype(np.int16),
    }
    for name, X in kinds.items():
        np.testing.assert_array_equal(MFCCTransformer().fit_transform(X), expected, err_msg=name)


def test_resamples_pairs_to_its_own_rate():
    t = np.arange(8000) / 8000
    slow = np.sin(2 * np.pi * 440 * t).astype(np.float32)
    transformer = MFCCTransformer().fit([(slow, 8000)])
    assert transformer.duration_ == 1.0
    assert transformer.n_samples_ == 16000
    expected = librosa.resample(slow, orig_sr=8000, target_sr=16000)
    np.testing.assert_array_equal(
        transformer.transform([(slow, 8000)]), transformer.transform([expected])
    )


@pytest.mark.parametrize(
    ("seconds", "learned", "n_cut"),
    [
        ([1.0, 1.0, 60.0], 1.0, 1),
        ([0.5, 1.0], 1.0, 0),
        ([0.4] * 50 + [0.6] * 50 + [9.0] * 4, 0.64, 0),
        ([0.4] * 50 + [0.6] * 50 + [9.0] * 6, 0.64, 6),
        ([0.2] * 97 + [0.7] * 3, 0.2, 0),
        ([0.5] * 60 + [3.0] * 40, 3.2, 0),
        ([0.5] * 90 + [3.0] * 11, 3.2, 0),
        ([1.0] * 19 + [3.9], 1.0, 0),
        ([1.0] * 18 + [3.9] * 2, 4.0, 0),
        ([2.0], 2.0, 0),
    ],
)
def test_the_length_covers_nearly_all_clips_and_says_what_it_cuts(seconds, learned, n_cut):
    clips = [np.ones(int(length * 1000)) for length in seconds]
    transformer = MFCCTransformer(sample_rate=1000, n_fft=64, n_mels=10, n_mfcc=5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert transformer.fit(clips).duration_ == pytest.approx(learned)
    assert [str(warning.message).split(";")[0] for warning in caught] == [
        f"MFCCTransformer learned a clip length of {learned:g} s, and {n_cut} of the "
        f"{len(clips)} recordings are longer (up to {max(seconds):g} s)"
    ] * (n_cut > 0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fmin": 9000.0}, "fmin < fmax"),
        ({"n_fft": 256, "win_length": 512}, "win_length=512 must be at most n_fft=256"),
        ({"delta_width": 4}, "delta_width must be odd"),
    ],
)
def test_wrong_parameters_are_found_before_a_file_is_opened(parameters, message):
    with pytest.raises(ValueError, match=message):
        MFCCTransformer(**parameters).fit(["missing.wav"])


def test_fit_with_a_duration_opens_no_file():
    transformer = MFCCTransformer(duration=0.5).fit(["not-there.wav"])
    assert (transformer.n_samples_, transformer.n_frames_) == (8000, 51)


def test_deltas_are_appended_and_named():
    clips = np.random.default_rng(0).normal(size=(2, 8000))
    transformer = MFCCTransformer(n_mfcc=3, delta_order=2).fit(clips)
    features = transformer.transform(clips)
    names = transformer.get_feature_names_out().tolist()
    assert features.shape[2] == len(names) == 9
    assert names[2:5] == ["mfcc2", "delta_mfcc0", "delta_mfcc1"]
    assert names[-1] == "delta2_mfcc2"
    theirs = librosa.feature.delta(features[0, :, :3].T, order=2).T
    np.testing.assert_allclose(features[0, :, 6:], theirs, atol=1e-3)


def test_set_output_refuses_data_frames_and_says_why():
    transformer = MFCCTransformer()
    assert transformer.set_output(transform="default") is transformer
    with pytest.raises(ValueError, match="have three axes and a data frame has two"):
        transformer.set_output(transform="pandas")


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("Transformer", [MFCCTransformer, LogMelTransformer, PCENTransformer])
def test_the_global_container_leaves_features_alone(Transformer, container):
    clips = np.random.default_rng(0).normal(size=(2, 8000))
    expected = Transformer().fit_transform(clips)
    with sklearn.config_context(transform_output=container):
        transformer = Transformer().fit(clips)
        for features in (transformer.fit_transform(clips), transformer.transform(clips)):
            np.testing.assert_array_equal(features, expected, strict=True)


def test_a_batch_names_every_unreadable_file(tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, np.zeros(100), RATE)
    bad = [tmp_path / f"bad{n:02d}.wav" for n in range(40)]
    for path in bad:
        path.write_text("text")
    transformer = MFCCTransformer(duration=0.1, n_jobs=2).fit([good])
    with pytest.raises(AudioError) as caught:
        transformer.transform([good, *bad])
    message = str(caught.value)
    assert "Cannot read 40 recordings" in message
    assert str(bad[9]) in message
    assert str(bad[10]) not in message
    assert "and 30 more" in message
    assert len(caught.value.failures) == 40
    with pytest.raises(AudioError, match="Cannot read 40 recordings"):
        MFCCTransformer().fit([good, *bad])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_mfcc": 41, "n_mels": 40}, "n_mfcc must be at most n_mels"),
        ({"win_length": 600, "n_fft": 512}, "win_length=600 must be at most n_fft=512"),
        ({"fmax": 9000.0}, "fmax=9000"),
        ({"fmin": 4000.0, "fmax": 300.0}, "Expected fmin < fmax"),
        ({"delta_width": 4}, "delta_width must be odd"),
        ({"center": False, "duration": 0.01}, "shorter than one frame"),
        ({"delta_order": 1, "duration": 0.01}, "shorter than delta_width=9"),
        ({"window": "unheard of"}, "window"),
        ({"window": [1, 2, 3]}, r"shape \(3,\); expected \(480,\)"),
        ({"window": np.full(480, np.nan)}, "NaN or infinite"),
        ({"duration": 1e-12}, "less than one sample"),
        ({"hop_length": 0}, "The 'hop_length' parameter of MFCCTransformer must be"),
        ({"duration": -1}, "The 'duration' parameter"),
        ({"delta_order": 3}, "The 'delta_order' parameter"),
        ({"loudness": 400}, "The 'loudness' parameter"),
        ({"loudness": -23, "sample_rate": 2000}, "loudness needs a sample_rate of at least 4000"),
    ],
)
def test_parameters_are_checked_in_fit(parameters, message):
    transformer = MFCCTransformer(**parameters)
    with pytest.raises(ValueError, match=message):
        transformer.fit(np.zeros((2, 1600)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("one.wav", r"expects a list of recordings, got one str. Wrap it in a list"),
        ([], "a minimum of 1 is required"),
        (np.zeros((2, 3, 4)), r"expected \(n_clips, n_samples\), got \(2, 3, 4\)"),
        ((np.zeros(5), 16000), r"got one pair \(samples, sample_rate\)"),
        ([0.0, 1.0], "Expected 2D array, got 1D array"),
    ],
)
def test_what_is_no_list_of_recordings_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        MFCCTransformer().fit(X)


def test_too_few_labels_are_found_before_anything_is_read():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[2, 1\]"):
        MFCCTransformer().fit(["not-there.wav", "nor-this.wav"], ["word"])


def test_an_array_with_nan_names_the_clip():
    clips = np.zeros((3, 1600))
    clips[1, 5] = np.nan
    with pytest.raises(AudioError, match=r"X\[1\] \(ndarray\): 1 of its 1600 samples is NaN"):
        MFCCTransformer(duration=0.1).fit(np.zeros((3, 1600))).transform(clips)


def test_progress_is_shown_only_when_asked(capfd, tones):
    MFCCTransformer().fit_transform(tones[0])
    assert capfd.readouterr() == ("", "")
    MFCCTransformer(verbose=1).fit_transform(tones[0])
    assert "MFCC: 100%" in capfd.readouterr().err


def test_clone_keeps_every_parameter():
    transformer = MFCCTransformer(n_mfcc=13, window=("kaiser", 4.0))
    assert clone(transformer).get_params() == transformer.get_params()


@pytest.mark.realdata
def test_real_recordings_equal_librosa(real_data):
    # Every tenth; examples/benchmarks/parity.py takes them all.
    clips = sorted(real_data.glob("speech_commands/*/*.wav"))[::10]
    transformer = MFCCTransformer(duration=1.0, n_jobs=2).fit(clips)
    features = transformer.transform(clips)
    worst = 0.0
    for path, ours in zip(clips, features, strict=True):
        clip, _ = librosa.load(path, sr=RATE)
        expected = _librosa_mfcc(librosa.util.fix_length(clip, size=RATE))
        worst = max(worst, np.abs(ours - expected).max())
    assert worst <= 1e-3


def test_log_mel_equals_librosa():
    clip = 0.1 * np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    energies = librosa.feature.melspectrogram(
        y=clip, sr=RATE, n_fft=512, win_length=480, hop_length=160, n_mels=64
    )
    ours = LogMelTransformer().fit_transform([clip])[0]
    np.testing.assert_allclose(ours, librosa.power_to_db(energies).T, atol=1e-3)


def test_pcen_of_silence_is_zero_and_of_noise_is_not():
    noise = 0.1 * np.random.default_rng(1).normal(size=RATE // 2)
    features = PCENTransformer(duration=1.0).fit_transform([noise])[0]
    assert features[:50].min() > 0
    assert not features[60:].any()


@pytest.mark.parametrize("front_end", [MFCCTransformer, LogMelTransformer, PCENTransformer])
@pytest.mark.parametrize("normalize", [None, "mean", "mean_var"])
def test_silence_behind_a_clip_changes_nothing_before_it(front_end, normalize):
    sound = 0.1 * np.random.default_rng(0).normal(size=8000)
    short = front_end(duration=0.5, normalize=normalize).fit_transform([sound])[0]
    padded = front_end(duration=1.0, normalize=normalize).fit_transform([sound])[0]
    np.testing.assert_allclose(padded[: len(short)], short, atol=1e-5)
    # The network tells silence by frames that do not change.
    assert (padded[-10:] == padded[-1]).all()


def test_normalised_features_have_no_mean_and_unit_deviation():
    clips = 0.1 * np.random.default_rng(0).normal(size=(2, RATE))
    features = MFCCTransformer(normalize="mean_var").fit_transform(clips)
    np.testing.assert_allclose(features.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=1), 1, atol=1e-4)
    centred = MFCCTransformer(normalize="mean").fit_transform(clips)
    np.testing.assert_allclose(centred.mean(axis=1), 0, atol=1e-3)
    assert centred.std() > 2


def test_normalisation_takes_the_gain_away():
    clip = 0.1 * np.random.default_rng(0).normal(size=RATE)
    features = MFCCTransformer(normalize="mean").fit_transform([clip, 0.1 * clip])
    np.testing.assert_allclose(features[0], features[1], atol=2e-3)


def test_loudness_takes_the_gain_away_and_leaves_silence():
    clip = 0.1 * np.random.default_rng(0).normal(size=RATE)
    clips = [clip, 0.01 * clip, np.zeros(RATE)]
    loud = MFCCTransformer(loudness=-23.0).fit_transform(clips)
    np.testing.assert_allclose(loud[0], loud[1], atol=1e-2)
    np.testing.assert_array_equal(loud[2], MFCCTransformer().fit_transform(clips)[2])


@pytest.mark.parametrize("start", [0, 3000, 20000])
def test_alignment_finds_the_sound_wherever_it_is(start):
    rng = np.random.default_rng(0)
    word = 0.3 * rng.normal(size=4800)
    recording = np.zeros(32000)
    recording[start : start + 4800] = word
    trimmed = MFCCTransformer(duration=0.5, align="trim").fit([recording]).transform([recording])
    # The interval is found in steps of 10 ms, so the word may begin two frames later.
    assert trimmed[0, 2:30, 0].min() > trimmed[0, 40:, 0].max() + 100
    centred = MFCCTransformer(duration=0.5, align="center").fit([recording]).transform([recording])
    energy = centred[0, :, 0]
    loud = np.flatnonzero(energy > (energy.max() + energy.min()) / 2)
    assert abs((loud[0] + loud[-1]) / 2 - 25) <= 2


def test_alignment_of_a_long_sound_takes_its_beginning_or_its_middle():
    t = np.arange(2 * RATE) / RATE
    rising = 0.3 * np.sin(2 * np.pi * (500 + 500 * t) * t)  # 500 Hz to 2500 Hz
    rows = {
        align: LogMelTransformer(duration=0.2, align=align).fit_transform([rising])[0]
        for align in (None, "trim", "center")
    }
    np.testing.assert_array_equal(rows[None], rows["trim"])
    assert rows["center"].mean(axis=0).argmax() > rows["trim"].mean(axis=0).argmax() + 5


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading", "sequential"])
def test_every_backend_gives_the_same(backend, tone_files):
    paths, _, _ = tone_files
    expected = MFCCTransformer().fit_transform(paths)
    with joblib.parallel_config(backend, n_jobs=None if backend == "sequential" else 2):
        features = MFCCTransformer().fit_transform(paths)
    np.testing.assert_array_equal(features, expected)


def test_derivatives_of_a_steady_sound_are_no_noise():
    steady = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    for clip in (np.zeros(RATE), steady):
        features = MFCCTransformer(delta_order=1, normalize="mean_var", center=False)
        assert np.abs(features.fit_transform([clip])[:, :, 40:]).max() < 1e-3


@pytest.mark.parametrize("n_clips", [1, 31, 32, 33, 70])
def test_blocks_do_not_show(n_clips):
    clips = 0.1 * np.random.default_rng(0).normal(size=(n_clips, 2000)).astype(np.float32)
    transformer = MFCCTransformer().fit(clips)
    alone = np.concatenate([transformer.transform(clip[None]) for clip in clips])
    np.testing.assert_array_equal(transformer.transform(clips), alone)


def test_the_learned_length_is_rounded_so_that_folds_agree():
    lengths = [0.65, 0.7, 0.75, 0.8]
    clips = [np.ones(int(seconds * RATE)) for seconds in lengths]
    learned = {MFCCTransformer().fit(clips[: n + 1]).duration_ for n in range(4)}
    assert learned == {0.8}


@pytest.mark.parametrize(
    ("longest", "learned"),
    [(0.011, 0.0125), (0.2, 0.2), (0.33, 0.4), (1.0, 1.0), (1.001, 1.0), (1.01, 1.25), (9, 10)],
)
def test_lengths_are_preferred_numbers(longest, learned):
    clips = [np.zeros(round(longest * 4000))]
    transformer = MFCCTransformer(sample_rate=4000, n_mels=8, n_mfcc=8, win_length=32)
    assert transformer.fit(clips).duration_ == learned


@pytest.mark.parametrize(
    ("seconds", "hop_ms"), [(0.2, 10), (1.0, 10), (1.5, 10), (2.4, 16), (4.8, 32), (60, 32)]
)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_hop_and_window_follow_rate_and_length(seconds, hop_ms, rate):
    transformer = MFCCTransformer(sample_rate=rate, duration=seconds, n_mels=20, n_mfcc=20)
    transformer.fit([np.zeros(10)])
    assert transformer.hop_length_ == hop_ms * rate // 1000
    assert transformer.win_length_ == 3 * transformer.hop_length_
    assert transformer.win_length_ <= transformer.n_fft_ < 2 * transformer.win_length_
