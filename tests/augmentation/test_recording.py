"""A recording and its recipe: rendered, measured, identified, pickled."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from threadpoolctl import threadpool_limits

from skaudio import AudioError, audio
from skaudio.augmentation import AugmentedRecording, BackgroundNoise, Recipe, RoomImpulse
from skaudio.augmentation import _effects as effects
from skaudio.augmentation._sound import Sound, find_sounds

RATE = 16000


@pytest.fixture
def clip():
    return (0.1 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32)


@pytest.fixture
def hum(tmp_path):
    """Three seconds of noise, each at a level of its own, at another rate."""
    path = tmp_path / "hum.wav"
    noise = np.random.default_rng(1).normal(size=3 * 8000) * np.repeat([0.01, 0.1, 0.3], 8000)
    soundfile.write(path, noise, 8000, subtype="FLOAT")
    return str(path)


def _render(source, duration=None, **recipe):
    return AugmentedRecording(source, Recipe(**recipe)).render(sample_rate=RATE, duration=duration)


@pytest.mark.parametrize("duration", [None, 0.3, 1.0, 2.0])
def test_an_empty_recipe_is_the_recording_itself(clip, duration):
    for source in (clip, (clip[:8000], 8000)):
        expected = audio.load(source, sample_rate=RATE, duration=duration)
        np.testing.assert_array_equal(_render(source, duration), expected)


def test_effects_come_in_the_order_of_nature(clip):
    expected = effects.change_speed(clip, sample_rate=RATE, factor=1.1)
    expected = effects.shift_time(expected, sample_rate=RATE, seconds=0.05)
    room = RoomImpulse(None, 0.2, 7)
    expected = effects.add_reverberation(expected, impulse_response=room.response(sample_rate=RATE))
    noise = BackgroundNoise(None, 0.25, 10.0)
    drawn = noise.excerpt(len(expected), sample_rate=RATE)
    expected = effects.add_noise(expected, noise=drawn, snr=10.0)
    expected = effects.change_gain(expected, decibels=-3.0)
    rendered = _render(clip, speed=1.1, shift=0.05, room=room, noise=noise, gain=-3.0)
    np.testing.assert_array_equal(rendered, expected)


@pytest.mark.parametrize(
    "recipe",
    [
        {"speed": 1.2},
        {"speed": 0.8, "shift": -0.1},
        {"shift": 0.1},
        {"speed": 1.1, "gain": 6.0},
    ],
)
def test_a_short_rendering_is_the_beginning_of_the_long_one(recipe, clip, tmp_path):
    path = tmp_path / "clip.wav"
    soundfile.write(path, clip, RATE, subtype="FLOAT")
    short, long = _render(path, 0.4, **recipe), _render(path, **recipe)
    assert len(short) == 6400
    np.testing.assert_allclose(short, long[:6400], atol=2e-4)


def test_no_more_of_the_source_is_asked_for_than_needed():
    assert Recipe(gain=1.0).source_duration(2.0) == 2.0
    assert Recipe(speed=1.1).source_duration(None) is None
    needed = Recipe(speed=1.5, shift=-0.3).source_duration(1.0)
    assert 1.5 * 1.3 < needed < 1.5 * 1.3 + 0.5


def test_the_ratio_holds_for_what_is_left_of_a_long_recording(clip):
    loud_end = np.concatenate([clip, 100 * clip])
    noisy = _render(loud_end, 1.0, noise=BackgroundNoise(None, 0.5, 20.0))
    added = noisy.astype(float) - clip
    assert 10 * np.log10((clip**2).mean() / (added**2).mean()) == pytest.approx(20, abs=0.01)


def test_a_shift_to_the_right_uses_the_room_behind_a_short_clip(clip):
    late = _render(clip[:4800], 1.0, shift=0.2)
    np.testing.assert_array_equal(late[3200:], clip[:4800])


def test_noise_comes_from_the_position_that_was_drawn(hum, clip):
    levels = [
        _render(0 * clip + 1, noise=BackgroundNoise(Sound(hum), position, 0.0)) - 1
        for position in (0.0, 0.3, 0.999)
    ]
    # All are scaled to the same ratio, so look at the excerpts themselves.
    assert all(np.mean(level.astype(float) ** 2) == pytest.approx(1, rel=0.01) for level in levels)
    positions = (0, 0.5, 1)
    excerpts = [
        Sound(hum).excerpt(RATE // 2, position=position, sample_rate=RATE).std()
        for position in positions
    ]
    np.testing.assert_allclose(excerpts, [0.01, 0.1, 0.3], rtol=0.3)


@pytest.mark.parametrize("kind", ["path", "PathLike", "bytes", "pair", "array"])
def test_sounds_of_any_kind_give_the_same_excerpt(kind, hum):
    samples, rate = soundfile.read(hum, dtype="float32")
    if kind == "array":
        samples = audio.load(hum, sample_rate=RATE)
    source = {
        "path": hum,
        "PathLike": Path(hum),
        "bytes": Path(hum).read_bytes(),
        "pair": (samples, rate),
        "array": samples,
    }[kind]
    excerpt = Sound(source).excerpt(3 * RATE, position=0.0, sample_rate=RATE)
    np.testing.assert_allclose(excerpt, audio.load(hum, sample_rate=RATE), atol=1e-6)
    assert len(Sound(source).excerpt(100, position=0.9, sample_rate=RATE)) == 100


def test_a_short_sound_is_repeated(clip):
    excerpt = Sound(clip[:300]).excerpt(1000, position=0.7, sample_rate=RATE)
    np.testing.assert_array_equal(excerpt, np.tile(clip[:300], 4)[:1000])


def test_durations_are_those_of_the_source(clip):
    slow = AugmentedRecording(clip, Recipe(speed=0.5, shift=3.0))
    assert slow.duration(sample_rate=RATE) == 1.0
    assert AugmentedRecording((clip, 8000), Recipe()).duration(sample_rate=RATE) == 2.0


def test_fingerprints_tell_sources_recipes_and_sounds_apart(clip, hum):
    noise = BackgroundNoise(Sound(clip[:100]), 0.5, 10.0)
    others = [
        (clip, Recipe(speed=1.1)),
        (clip, Recipe(speed=np.nextafter(1.1, 2))),
        (clip[1:], Recipe(speed=1.1)),
        (clip, Recipe(noise=noise)),
        (clip, Recipe(noise=noise._replace(position=0.25))),
        (clip, Recipe(noise=noise._replace(sound=Sound(clip[:101])))),
        (clip, Recipe(noise=noise._replace(sound=None))),
        (clip, Recipe(noise=noise._replace(sound=Sound(hum)))),
        (clip, Recipe(room=RoomImpulse(None, 0.5, 10))),
        (clip, Recipe(room=RoomImpulse(Sound(hum)))),
    ]
    prints = {AugmentedRecording(*other).fingerprint() for other in others}
    assert len(prints) == len(others)
    assert {len(p) for p in prints} == {16}
    again = AugmentedRecording(clip.copy(), Recipe(noise=noise._replace(sound=Sound(clip[:100]))))
    assert again.fingerprint() in prints
    # Without a change it is the recording itself, and its features may be shared.
    unchanged = AugmentedRecording(clip, Recipe())
    assert unchanged.fingerprint() == audio.fingerprint(clip)


def test_a_noise_file_that_changes_is_another_noise(clip, hum):
    noisy = AugmentedRecording(clip, Recipe(noise=BackgroundNoise(Sound(hum), 0.1, 3.0)))
    before = noisy.fingerprint()
    soundfile.write(hum, clip[:500], 8000)
    assert noisy.fingerprint() != before


def test_pickles_render_the_same_and_carry_no_caches(clip, hum):
    sounds = [Sound(hum), Sound((clip, 8000))]
    for sound in sounds:
        noisy = AugmentedRecording(
            clip, Recipe(noise=BackgroundNoise(sound, 0.3, 5.0), room=RoomImpulse(sound))
        )
        expected = noisy.render(sample_rate=RATE)
        noisy.fingerprint()
        pickled = pickle.dumps(noisy)
        assert len(pickled) < 2 * clip.nbytes + 1000
        again = pickle.loads(pickled)
        assert again.fingerprint() == noisy.fingerprint()
        np.testing.assert_array_equal(again.render(sample_rate=RATE), expected)


def test_it_cannot_be_changed_and_says_what_it_is(hum):
    noisy = AugmentedRecording(
        Path("a.wav"), Recipe(speed=1.1, noise=BackgroundNoise(Sound(hum), 0.5, 5.0))
    )
    with pytest.raises(AttributeError):
        noisy.recipe = Recipe()
    assert repr(noisy) == (
        f"AugmentedRecording('a.wav', Recipe(speed=1.1, "
        f"noise=BackgroundNoise(sound={hum!r}, position=0.5, snr=5.0)))"
    )
    assert repr(AugmentedRecording(np.ones(3), Recipe())) == "AugmentedRecording(ndarray, Recipe())"


def test_the_recording_at_fault_is_named(clip, hum, tmp_path):
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        _render("missing.wav", gain=1.0)
    whole, broken = tmp_path / "whole.flac", tmp_path / "broken.flac"
    soundfile.write(whole, *soundfile.read(hum))
    broken.write_bytes(whole.read_bytes()[:-5000])
    recipes = [
        {"noise": BackgroundNoise(Sound(str(broken)), 0.9, 5.0)},
        {"room": RoomImpulse(Sound(str(broken)))},
    ]
    for recipe in recipes:
        with pytest.raises(AudioError, match=r"broken\.flac: "):
            _render(clip, **recipe)


def test_a_broken_sound_without_a_path_is_not_taken_for_the_recording(clip, tmp_path):
    soundfile.write(tmp_path / "whole.flac", clip, RATE)
    broken = (tmp_path / "whole.flac").read_bytes()[:-5000]
    for role, recipe in (
        ("background noise", Recipe(noise=BackgroundNoise(broken, 0.5, 5.0))),
        ("room", Recipe(room=RoomImpulse(broken))),
    ):
        _, _, failures = audio.load_batch(
            [clip, AugmentedRecording(clip, recipe)], sample_rate=RATE, n_samples=RATE
        )
        assert [name for name, _ in failures] == [f"the {role} (bytes)"]
        with pytest.raises(
            AudioError, match=rf"Cannot read the {role} \(bytes\): .* cut or damaged"
        ):
            AugmentedRecording(clip, recipe).render(sample_rate=RATE)
    # The recording itself is still named by its place.
    _, _, failures = audio.load_batch(
        [AugmentedRecording(broken, Recipe(gain=1.0))], sample_rate=RATE, n_samples=RATE
    )
    assert [name for name, _ in failures] == ["X[0] (AugmentedRecording)"]


@pytest.mark.parametrize("kind", ["path", "pathlike", "bytes", "array", "pair"])
def test_recipes_written_by_hand_take_any_recording(kind, clip, hum):
    path = Path(hum)
    sound = {
        "path": hum,
        "pathlike": path,
        "bytes": path.read_bytes(),
        "array": clip[:500],
        "pair": (clip[:500], 8000),
    }[kind]
    by_hand = Recipe(noise=BackgroundNoise(sound, 0.2, 10.0), room=RoomImpulse(sound))
    drawn = Recipe(noise=BackgroundNoise(Sound(sound), 0.2, 10.0), room=RoomImpulse(Sound(sound)))
    ours, theirs = AugmentedRecording(clip, by_hand), AugmentedRecording(clip, drawn)
    assert ours.fingerprint() == theirs.fingerprint()
    expected = theirs.render(sample_rate=RATE)
    for recording in (ours, pickle.loads(pickle.dumps(ours))):
        np.testing.assert_array_equal(recording.render(sample_rate=RATE), expected)
        assert recording.fingerprint() == theirs.fingerprint()


def test_threads_that_want_other_rates_do_not_mix_them_up(clip):
    class Switched(Sound):
        # Between any two looks at what is kept, another thread has kept another rate.
        @property
        def _whole(self):
            self.looks = getattr(self, "looks", 0) + 1
            return (8000, clip[:1]) if self.looks == 1 else (16000, clip[:2])

        @_whole.setter
        def _whole(self, value):
            pass

    assert len(Switched(clip).whole(sample_rate=8000)) == 1


def test_a_rendering_does_not_depend_on_the_number_of_threads(clip):
    everything = {
        "speed": 1.07,
        "room": RoomImpulse(None, 0.3, 7),
        "noise": BackgroundNoise(None, 0.25, 10.0),
    }
    rendered = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            long = np.tile(clip, 5)
            rendered.append([_render(long, **{name: everything[name]}) for name in everything])
    for one, two in zip(*rendered, strict=True):
        np.testing.assert_array_equal(one, two)


def test_silence_stays_silent():
    silent = np.zeros(1000, np.float32)
    noise = BackgroundNoise(None, 0.5, -10.0)
    changed = _render(silent, speed=1.1, noise=noise, gain=20.0)
    assert not changed.any()
    assert len(changed) == 910


def test_folders_are_searched_for_audio(hum, tmp_path):
    (tmp_path / "README.md").write_text("not audio")
    (tmp_path / "deeper").mkdir()
    soundfile.write(tmp_path / "deeper" / "a.FLAC", np.ones(100), RATE, format="FLAC")
    (tmp_path / ".hidden.wav").write_bytes(b"")
    found = find_sounds("noise", tmp_path)
    assert [sound.source for sound in found] == [str(tmp_path / "deeper" / "a.FLAC"), hum]
    assert [sound.source for sound in find_sounds("noise", hum)] == [hum]


def test_a_folder_without_audio_and_an_empty_list_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"noise: the folder .* has no audio files"):
        find_sounds("noise", tmp_path)
    with pytest.raises(ValueError, match="room is an empty list"):
        find_sounds("room", [])


def test_all_sounds_that_cannot_be_opened_are_named(hum, tmp_path):
    (tmp_path / "empty.wav").touch()
    sources = [str(tmp_path / "empty.wav"), hum, np.array([np.nan]), "missing.wav"]
    with pytest.raises(AudioError) as error:
        find_sounds("noise", sources)
    names = [name for name, _ in error.value.failures]
    assert names == [sources[0], "noise[2]", "missing.wav"]
