"""Sounds in long recordings."""

import itertools

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import (
    CascadeClassifier,
    FeatureStore,
    LogMelTransformer,
    MFCCTransformer,
    PCENTransformer,
    PerceptronClassifier,
    Pipeline,
    UnknownRejector,
    audio,
)
from skaudio.datasets import make_soundscape
from skaudio.detection import SoundDetector, WindowScores, score_events
from skaudio.exceptions import AudioError

RATE = 16000


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.01, round(seconds * RATE)).astype("float32")


@pytest.fixture(scope="module")
def clips(tones):
    """Tones, and noise of the same length."""
    silence = np.stack([noise(0.3, seed) for seed in range(15)])
    return np.concatenate([tones[0], silence]), np.append(tones[1], ["unknown"] * 15)


@pytest.fixture(scope="module")
def pipeline(clips):
    return Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)]).fit(*clips)


@pytest.fixture(scope="module")
def soundscape(tones):
    return make_soundscape(*tones, duration=40, events_per_hour=1200, snr_db=30, random_state=0)


@pytest.fixture(scope="module")
def detector(pipeline):
    return SoundDetector(pipeline, hop=0.05, smoothing=0.1, min_gap=0.1)


def test_every_sound_is_found_at_its_time(detector, soundscape):
    found = detector.detect(soundscape.data)
    assert [event.label for event in found] == [event.label for event in soundscape.events]
    for event, true in zip(found, soundscape.events, strict=True):
        assert (event.start + event.end) / 2 == pytest.approx((true.start + true.end) / 2, abs=0.1)
    assert score_events([soundscape.events], [found], duration=40).total.n_false == 0


def test_events_are_a_table(detector, soundscape):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(detector.detect(soundscape.data))
    assert list(frame.columns) == ["start", "end", "label", "score"]


@pytest.mark.parametrize(
    "transformer",
    [
        MFCCTransformer(),
        MFCCTransformer(center=False, delta_order=1, normalize="mean_var"),
        MFCCTransformer(loudness=-23, n_fft=400, hop_length=100),
        MFCCTransformer(hop_length=130),
        MFCCTransformer(align="center"),
        LogMelTransformer(top_db=30),
        PCENTransformer(),
    ],
    ids=str,
)
def test_features_of_windows_are_those_of_clips_with_the_same_samples(transformer):
    recording = np.concatenate([noise(0.5), 20 * noise(0.4), np.zeros(2000, "float32"), noise(0.5)])
    windows = np.lib.stride_tricks.sliding_window_view(recording, 4800)[::800]
    transformer.fit(windows.copy())
    np.testing.assert_array_equal(
        transformer.transform(windows), transformer.transform(windows.copy())
    )


def test_shared_frames_are_computed_once(monkeypatch):
    from skaudio.dsp import _mel

    n_frames = []
    power_spectrum = _mel.power_spectrum

    def counting(cut, *arguments, **options):
        n_frames.append(np.prod(cut.shape[:-1]))
        return power_spectrum(cut, *arguments, **options)

    monkeypatch.setattr(_mel, "power_spectrum", counting)
    windows = np.lib.stride_tricks.sliding_window_view(noise(2.0), RATE)[:: RATE // 20]
    MFCCTransformer().fit(windows.copy()).transform(windows)
    # 201 frames of two seconds, and a few at the ends of each window, instead of 21 times 101.
    assert 201 <= sum(n_frames) < 201 + 21 * 10


def test_windows_are_not_kept_by_memory(clips, soundscape, tmp_path):
    mfcc = MFCCTransformer(memory=str(tmp_path))
    pipeline = Pipeline([mfcc, PerceptronClassifier(epochs=1, random_state=0)]).fit(*clips)
    before = FeatureStore(tmp_path).nbytes()
    assert before > 0
    detector = SoundDetector(pipeline)
    detector.detect(soundscape.data)
    list(detector.stream([soundscape.data[:RATE]]))  # one window at a time
    assert FeatureStore(tmp_path).nbytes() == before


def test_a_cascade_can_be_used(pipeline, clips, soundscape):
    cascade = CascadeClassifier(FrozenEstimator(pipeline), FrozenEstimator(pipeline)).fit(*clips)
    found, expected = (
        SoundDetector(each).score_windows(soundscape.data).values for each in (cascade, pipeline)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_not_finite_in_overlapping_clips_is_still_named():
    recording = noise(1.0)
    recording[9000] = np.nan
    windows = np.lib.stride_tricks.sliding_window_view(recording, 4800)[::800]
    with pytest.raises(AudioError, match="NaN"):
        MFCCTransformer(duration=0.3).fit_transform(windows)


@pytest.mark.parametrize("length", [1, 160, 1000, 16000])
def test_blocks_of_any_length_have_the_same_events(detector, soundscape, length):
    recording = soundscape.data[: 8 * RATE]
    blocks = (recording[at : at + length] for at in range(0, len(recording), length))
    assert sorted(detector.stream(blocks)) == sorted(detector.stream([recording]))


def test_a_stream_has_the_events_of_the_recording_at_any_rate(detector, soundscape, tmp_path):
    path = tmp_path / "soundscape.wav"
    other = audio.load((soundscape.data, RATE), sample_rate=44100)
    soundfile.write(path, other, 44100, subtype="FLOAT")
    blocks = (other[at : at + 4410] for at in range(0, len(other), 4410))
    found = sorted(detector.stream(blocks, sample_rate=44100))
    expected = detector.detect(path)
    assert [event[:3] for event in found] == [event[:3] for event in expected]
    np.testing.assert_allclose([e.score for e in found], [e.score for e in expected], atol=1e-5)


def test_a_stream_tells_an_event_as_soon_as_it_has_ended(detector, soundscape):
    n_given = 0

    def blocks():
        nonlocal n_given
        for at in range(0, len(soundscape.data), 800):
            n_given += 800
            yield soundscape.data[at : at + 800]

    ends = []
    for event in itertools.islice(detector.stream(blocks()), 5):
        ends.append(event.end)
        # The last window of the event, the gap, and half of the smoothing.
        assert n_given / RATE - event.end < 0.15 + 0.1 + 0.1 + 0.1
    assert len(ends) == 5


def test_a_stream_that_ends_at_once_has_no_events(detector):
    assert list(detector.stream([])) == []
    assert list(detector.stream([np.empty(0, "float32")])) == []


def test_a_stream_without_end_needs_no_memory(detector):
    import tracemalloc

    def hours(n_seconds):
        return (noise(1.0, seed) for seed in range(n_seconds))

    list(detector.stream(hours(2), batch_size=16))
    peaks = []
    for n_seconds in (20, 120):
        tracemalloc.start()
        list(detector.stream(hours(n_seconds), batch_size=16))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_recording_shorter_than_a_window_is_one_window(detector, tones):
    found = detector.detect(tones[0][0][:4700])
    assert [event[:3] for event in found] == [(0.0, 4700 / RATE, "high")]
    with pytest.raises(AudioError, match="holds no samples"):
        detector.detect(np.empty(0))


def test_silence_is_no_event(pipeline):
    scores = SoundDetector(pipeline, threshold=0.01).score_windows(np.zeros(RATE))
    assert not scores.values.any()
    assert SoundDetector(pipeline, min_level=None).score_windows(np.zeros(RATE)).values.any()


def test_labels_are_all_but_unknown_or_those_asked_for(pipeline, soundscape):
    every = SoundDetector(pipeline).score_windows(soundscape.data)
    assert every.values.shape == (len(every.times), 2)
    one = SoundDetector(pipeline, labels=["low"]).detect(soundscape.data)
    assert {event.label for event in one} == {"low"}
    with pytest.raises(ValueError, match=r"labels \['owl'\] are not among the classes"):
        SoundDetector(pipeline, labels=["owl"]).detect(soundscape.data)


def test_thresholds_may_differ_by_label(pipeline, soundscape):
    found = SoundDetector(pipeline, threshold={"high": 0.5, "low": 1.1}).detect(soundscape.data)
    assert {event.label for event in found} == {"high"}
    with pytest.raises(ValueError, match=r"no threshold for the label 'low', .* Set threshold"):
        SoundDetector(pipeline, threshold={"high": 0.5}).detect(soundscape.data)


def test_estimators_that_wrap_a_pipeline_can_be_used(pipeline, clips, soundscape):
    linear = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    search = GridSearchCV(linear, {"perceptronclassifier__dropout": [0.5]}, cv=2).fit(*clips)
    rejector = UnknownRejector(pipeline, cv="prefit", refit=False).fit(*clips)
    for estimator in (search, rejector):
        found = SoundDetector(estimator, hop=0.05, threshold=0.3).detect(soundscape.data)
        assert score_events([soundscape.events], [found], duration=40).total.recall > 0.5


def test_rejected_windows_have_no_score(pipeline, clips):
    rejector = UnknownRejector(pipeline, keep=0.9, cv="prefit", refit=False).fit(*clips)
    rejector.threshold_ = 1.1
    assert not SoundDetector(rejector).score_windows(clips[0][0]).values.any()


def test_windows_that_a_rejector_in_a_pipeline_rejects_have_no_score(pipeline, clips):
    classifier = FrozenEstimator(pipeline[-1])
    rejector = UnknownRejector(classifier, keep=0.9, cv="prefit", refit=False)
    inside = Pipeline([MFCCTransformer(), rejector]).fit(*clips)
    search = GridSearchCV(inside, {"unknownrejector__keep": [0.9]}, cv=2).fit(*clips)
    for estimator, fitted in ((inside, inside[-1]), (search, search.best_estimator_[-1])):
        detector = SoundDetector(estimator, smoothing=0)
        known = estimator.predict_proba(clips[0][:1])
        np.testing.assert_allclose(detector.score_windows(clips[0][0]).values, known, atol=1e-6)
        fitted.threshold_ = 1.1
        assert not detector.score_windows(clips[0][0]).values.any()


def test_calibrated_and_united_pipelines_can_be_used(clips, soundscape):
    calibrated = CalibratedClassifierCV(
        make_pipeline(MFCCTransformer(), FunctionTransformer(_mean), LogisticRegression()), cv=2
    )
    united = make_pipeline(
        FeatureUnion(
            [
                (
                    str(n_mfcc),
                    make_pipeline(MFCCTransformer(n_mfcc=n_mfcc), FunctionTransformer(_mean)),
                )
                for n_mfcc in (13, 20)
            ]
        ),
        LogisticRegression(),
    )
    for estimator in (calibrated, united):
        found = SoundDetector(estimator.fit(*clips)).detect(soundscape.data)
        assert score_events([soundscape.events], [found], duration=40).total.recall > 0.5


def _mean(X):
    return X.mean(axis=1)


def test_transformers_of_different_rates_are_refused(clips):
    first, second = (
        make_pipeline(
            MFCCTransformer(sample_rate=rate), FunctionTransformer(_mean), LogisticRegression()
        )
        for rate in (8000, 16000)
    )
    recordings = [(clip, RATE) for clip in clips[0]]
    cascade = CascadeClassifier(first, second).fit(recordings, clips[1])
    with pytest.raises(ValueError, match=r"different sample rates: \[8000, 16000\] Hz"):
        SoundDetector(cascade).detect(noise(1))


def test_the_label_of_what_is_unknown_is_the_estimators(pipeline, clips):
    cascade = CascadeClassifier(
        FrozenEstimator(pipeline), FrozenEstimator(pipeline), unknown_label="low"
    ).fit(*clips)
    assert SoundDetector(cascade).labels_ == ["high", "unknown"]


def test_an_exported_model_finds_the_same_events(pipeline, soundscape, tmp_path):
    pytest.importorskip("onnxruntime")
    from skaudio.export import to_onnx
    from skaudio.runtime import load

    to_onnx(pipeline, tmp_path / "model.onnx")
    expected = SoundDetector(pipeline).detect(soundscape.data)
    found = SoundDetector(load(tmp_path / "model.onnx")).detect(soundscape.data)
    assert [event[:3] for event in found] == [event[:3] for event in expected]
    np.testing.assert_allclose([e.score for e in found], [e.score for e in expected], atol=1e-4)


def test_tuning_keeps_false_alarms_rare(detector, tones):
    others = [noise(0.3, seed) + tones[0][seed] for seed in range(30)]  # sounds much like them
    hour = make_soundscape(
        *tones,
        duration=120,
        events_per_hour=600,
        others=others,
        others_per_hour=1800,
        random_state=0,
    )
    tuned = joblib.load(_dumped(detector))
    tuned.tune([hour.data], [hour.events], max_false_per_hour=120)
    assert set(tuned.thresholds_) == {"high", "low"}
    row = tuned.tuning_.scores.total
    assert row.hours == pytest.approx(120 / 3600)
    assert row.n_false <= 2  # of 4 that are allowed, each label has one less than its share
    found = tuned.detect(hour.data)
    assert score_events([hour.events], [found], duration=120).total == row
    assert "from 0.0333 hours" in str(tuned.tuning_)


def _dumped(detector):
    import io

    file = io.BytesIO()
    joblib.dump(detector, file)
    file.seek(0)
    return file


def test_too_few_hours_are_said(detector, soundscape):
    with pytest.warns(UserWarning, match=r"Use 2 hours or more.*without a false alarm"):
        joblib.load(_dumped(detector)).tune([soundscape.data], [soundscape.events])


def test_scores_may_be_computed_before(detector, soundscape):
    scores = detector.score_windows(soundscape.data)
    assert isinstance(scores, WindowScores)
    assert detector.detect(scores) == detector.detect(soundscape.data)
    assert detector.score_windows(scores) is scores
    for other in ({"hop": 0.1}, {"labels": ["low", "high"]}, {"labels": ["low"]}):
        changed = SoundDetector(**{**detector.get_params(deep=False), **other})
        with pytest.raises(ValueError, match=r"hop of 0.05 s, .* Call score_windows again"):
            changed.detect(scores)
    with pytest.raises(TypeError, match="mine cuts clips from recordings"):
        detector.mine([scores])


def test_false_alarms_become_clips_to_train_on(detector, soundscape, tmp_path):
    path = tmp_path / "soundscape.wav"
    soundfile.write(path, soundscape.data, RATE)
    kept = soundscape.events[1:]
    segments, labels = detector.mine([str(path)], [kept])
    assert labels.tolist() == ["unknown"]
    assert segments[0].source == str(path)
    assert segments[0].start == pytest.approx(soundscape.events[0].start, abs=0.1)
    assert segments[0].stop - segments[0].start == pytest.approx(detector.estimator[0].duration_)
    every, _ = detector.mine([str(path)])
    assert len(every) == len(soundscape.events)
    assert detector.mine([str(path)], [soundscape.events])[0] == []
    # A sound that is taken for another one is not unknown.
    confused = {"high": "low", "low": "high"}
    events = [event._replace(label=confused[event.label]) for event in soundscape.events]
    assert detector.mine([str(path)], [events])[0] == []


def test_a_false_alarm_at_the_end_is_a_whole_clip(detector, tones, tmp_path):
    path = tmp_path / "end.wav"
    soundfile.write(path, np.concatenate([noise(1.0), tones[0][0]]), RATE)
    segments, _ = detector.mine([str(path)])
    assert len(segments) == 1
    assert len(audio.load(segments[0])) == detector.estimator[0].n_samples_
    short, _ = detector.mine([tones[0][0][:4700]])
    assert len(audio.load(short[0])) == 4700


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop": 0}, "'hop' parameter of SoundDetector must be a positive number"),
        ({"smoothing": -1}, "'smoothing' parameter .* non-negative"),
        ({"min_gap": None}, "'min_gap' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"threshold": "high"}, "'threshold' parameter .* a number, or a dict"),
        ({"threshold": {"high": np.nan}}, "'threshold' parameter"),
        ({"min_level": "low"}, "'min_level' parameter"),
        ({"labels": "low"}, "'labels' parameter .* a list of labels"),
    ],
)
def test_bad_parameters_are_refused(pipeline, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SoundDetector(pipeline, **options).detect(noise(1))


def test_a_bad_batch_size_of_a_stream_is_refused(detector):
    with pytest.raises(ValueError, match=r"'batch_size' parameter .* Got -4 instead"):
        list(detector.stream([noise(1)], batch_size=-4))


def test_what_cannot_take_recordings_is_refused(pipeline):
    for estimator in (LogisticRegression(), pipeline[-1], Pipeline([MFCCTransformer()])):
        with pytest.raises((TypeError, AttributeError), match="SoundDetector needs a fitted"):
            SoundDetector(estimator).detect(noise(1))


def test_recordings_and_events_must_match(detector):
    with pytest.raises(ValueError, match="2 recordings, but lists of events for 1"):
        detector.tune([noise(1), noise(1)], [[]])
    with pytest.raises(ValueError, match=r"None .* they have \['Low'\], the detector \['high', 'l"):
        detector.tune([noise(1)], [[(0.1, 0.2, "Low")]])
    with pytest.raises(ValueError, match=r"beyond the end of recordings\[0\], which has 1 s"):
        detector.tune([noise(1)], [[(1.1, 1.2, "low")]])
    with pytest.raises(ValueError, match="max_false_per_hour must be a positive number"):
        detector.tune([noise(1)], [[]], max_false_per_hour=0)
    with pytest.raises(ValueError, match="no recordings"):
        detector.mine([])


def test_parameters_are_those_of_scikit_learn(pipeline):
    detector = SoundDetector(pipeline, hop=0.2)
    assert detector.get_params(deep=False)["hop"] == 0.2
    assert detector.set_params(hop=0.1).hop == 0.1


def test_a_progress_bar_only_for_the_recording(clips, soundscape, capsys):
    loud = Pipeline([MFCCTransformer(verbose=1), PerceptronClassifier(random_state=0)])
    loud.fit(*clips)
    capsys.readouterr()
    SoundDetector(loud).detect(soundscape.data)
    assert capsys.readouterr().err == ""
    SoundDetector(loud, verbose=1).detect(soundscape.data)
    shown = capsys.readouterr().err
    assert "Listening: 100%" in shown
    assert "MFCC" not in shown
