"""Small synthetic recordings that every test can afford."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

RATE = 16000

# The same examples in every run, so that a red one is red for everybody. To search for new
# ones: HYPOTHESIS_PROFILE=search pytest.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Keep the tests of a classifier in one process, which compiles its networks once."""
    for item in items:
        params = getattr(item, "callspec", None) and item.callspec.params
        for value in (params or {}).values():
            if type(value).__name__.endswith("Classifier"):
                item.add_marker(pytest.mark.xdist_group(type(value).__name__))


def tone(frequency, seconds=0.3, *, rng, rate=RATE):
    """A tone of drifting pitch in a little noise."""
    n_samples = int(seconds * rate)
    t = np.arange(n_samples) / rate
    detuned = frequency * rng.uniform(0.95, 1.05)
    sound = 0.3 * np.sin(2 * np.pi * detuned * t + rng.uniform(0, 6))
    return (sound + 0.01 * rng.normal(size=n_samples)).astype(np.float32)


@pytest.fixture(scope="session")
def tones():
    """30 clips of 0.3 s in two classes, sorted by class, easily told apart."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["high", "low"], 15)
    clips = [tone({"high": 2000, "low": 300}[label], rng=rng) for label in labels]
    return np.stack(clips), labels


@pytest.fixture(scope="session")
def tone_files(tones, tmp_path_factory):
    """The same as WAV files: paths, labels and speakers."""
    folder = tmp_path_factory.mktemp("tones")
    paths = []
    for index, clip in enumerate(tones[0]):
        path = folder / f"{index:02d}.wav"
        soundfile.write(path, clip, RATE)
        paths.append(str(path))
    speakers = np.arange(len(paths)) % 5
    return paths, tones[1], speakers


@pytest.fixture(scope="session")
def sequences():
    """60 feature sequences (20 frames, 6 coefficients) in three classes, by strings."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 20)
    features = rng.normal(size=(60, 20, 6)).astype(np.float32)
    for index, label in enumerate("abc"):
        features[labels == label, 5:12, index] += 2.5
    return features, labels


@pytest.fixture(scope="session")
def real_data():
    """The folder of real recordings, or a skip that says why."""
    folder = os.environ.get("SKAUDIO_DATA")
    if not folder or not (Path(folder) / "speech_commands").is_dir():
        pytest.skip("SKAUDIO_DATA does not point at a folder that holds speech_commands/")
    return Path(folder)


@pytest.fixture(scope="session")
def launch_browser():
    """A function that starts Chromium, or a skip that says how to get it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:

        def launch(*arguments):
            options = "--no-sandbox", "--autoplay-policy=no-user-gesture-required", *arguments
            return playwright.chromium.launch(executable_path=program, args=list(options))

        yield launch


@pytest.fixture(scope="session")
def browser(launch_browser):
    """Chromium."""
    browser = launch_browser()
    yield browser
    browser.close()
