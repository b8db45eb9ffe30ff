"""The page that listens, in a real browser."""

import functools
import http.server
import json
import threading

import numpy as np
import pytest
import soundfile

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline, audio
from skaudio.datasets import make_soundscape
from skaudio.detection import SoundDetector, read_events
from skaudio.exceptions import MissingDependencyError, ModelFileError
from skaudio.export import to_onnx
from skaudio.page import write_page
from skaudio.page._vendor import FILES, VENDOR
from skaudio.runtime import load

RATE = 16000
RATES = [RATE, 44100, 48000]

pytestmark = pytest.mark.xdist_group("page")  # one model and one server

needs_runtime = pytest.mark.skipif(
    not all((VENDOR / name).exists() for name in FILES),
    reason="onnxruntime-web is not in the package: npm was missing when it was installed",
)


@pytest.fixture(scope="module")
def model(tones, tmp_path_factory):
    """An exported model of two tones and noise."""
    clips, labels = tones
    hiss = np.random.default_rng(0).normal(0, 0.02, (15, clips.shape[1])).astype("float32")
    pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    pipeline.fit(np.concatenate([clips, hiss]), [*labels, *["unknown"] * 15])
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    to_onnx(pipeline, path)
    return path


@pytest.fixture(scope="module")
def recording(tones):
    return make_soundscape(*tones, duration=8, events_per_hour=3600, snr_db=30, random_state=0).data


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def address(model, tmp_path_factory):
    """Where a plain server of files has the page."""
    folder = tmp_path_factory.mktemp("page")
    write_page(model, folder, title="Tones", hop=0.05)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    yield from _opened(page, address)


def _opened(page, address):
    """Open the page; any error in it fails the test."""
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(address)
    page.wait_for_selector("body[data-ready]", state="attached", timeout=60000)
    yield page
    page.close()
    assert problems == []


def expected(model, recording):
    detector = SoundDetector(load(model), hop=0.05, smoothing=0, labels=["high", "low", "unknown"])
    return detector.score_windows(recording).values


def listen(page, path):
    page.set_input_files("#file", path)
    page.wait_for_function("window.page.isWhole && window.page.listener.scores.length > 0")
    page.wait_for_function("document.getElementById('status').textContent.endsWith('found.')")
    return np.array(page.evaluate("window.page.listener.raw"))


@needs_runtime
@pytest.mark.parametrize(
    ("rate", "subtype"),
    [(RATE, "PCM_16"), (RATE, "FLOAT"), (8000, "PCM_U8"), (22050, "PCM_16"), (44100, "PCM_16"),
     (48000, "PCM_32")],
)  # fmt: skip
def test_the_probabilities_of_a_file_are_those_of_python(
    page, model, recording, tmp_path, rate, subtype
):
    path = tmp_path / "recording.wav"
    soundfile.write(path, audio.load((recording, RATE), sample_rate=rate), rate, subtype=subtype)
    found = listen(page, path)
    np.testing.assert_allclose(found, expected(model, path), atol=1e-3)


@needs_runtime
def test_stereo_files_of_24_bits_are_mixed_down(page, model, recording, tmp_path):
    path = tmp_path / "recording.wav"
    soundfile.write(path, np.stack([recording, 0 * recording], axis=1), RATE, subtype="PCM_24")
    np.testing.assert_allclose(listen(page, path), expected(model, path), atol=1e-3)


@needs_runtime
@pytest.mark.parametrize(
    ("file_format", "subtype", "rate"),
    [
        ("FLAC", None, RATE),
        ("FLAC", None, 44100),
        ("OGG", "VORBIS", 44100),
        ("MP3", None, 44100),
    ],
)
def test_other_formats_are_decoded_at_their_own_rate(
    page, model, recording, tmp_path, file_format, subtype, rate
):
    path = tmp_path / f"recording.{file_format.lower()}"
    samples = audio.load((recording, RATE), sample_rate=rate)
    soundfile.write(path, samples, rate, format=file_format, subtype=subtype)
    found, wanted = listen(page, path), expected(model, path)
    n = min(len(found), len(wanted))
    assert abs(len(found) - len(wanted)) <= 1  # decoders differ in what they omit of the end
    np.testing.assert_allclose(found[: n - 1], wanted[: n - 1], atol=1e-3)


@needs_runtime
def test_events_are_those_of_python_and_can_be_saved(page, model, recording, tmp_path):
    path = tmp_path / "recording.wav"
    soundfile.write(path, recording, RATE, subtype="FLOAT")
    listen(page, path)
    detector = SoundDetector(load(model), hop=0.05)
    for threshold in (0.5, 0.8):
        page.fill("#threshold", str(threshold))
        wanted = detector.set_params(threshold=threshold).detect(path)
        assert page.locator("#events tr").count() == len(wanted)
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / "labels.txt")
        saved = read_events(tmp_path / "labels.txt")
        assert [event.label for event in saved] == [event.label for event in wanted]
        times = [event[:2] for event in wanted]
        np.testing.assert_allclose([event[:2] for event in saved], times, atol=1e-5)


@needs_runtime
@pytest.mark.parametrize("rate", RATES)
def test_the_microphone_is_heard_as_python_hears_it(
    launch_browser, address, model, recording, tmp_path, rate
):
    """What Chromium takes from a fake microphone is kept, and compared."""
    path = tmp_path / "microphone.wav"
    soundfile.write(path, audio.load((recording, RATE), sample_rate=rate), rate)
    browser = launch_browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={path}",
    )
    context = browser.new_context(permissions=["microphone"])
    for page in _opened(context.new_page(), address):
        page.evaluate(
            """async (rate) => {
                const { Listener } = await import("./page.mjs");
                const push = Listener.prototype.push;
                window.heard = [];
                Listener.prototype.push = function (block) {
                    window.heard.push(...block);
                    return push.call(this, block);
                };
                const Native = window.AudioContext;
                window.AudioContext = function () { return new Native({ sampleRate: rate }); };
            }""",
            rate,
        )
        page.click("#microphone")
        page.wait_for_function("window.page.listener?.raw.length > 30", timeout=60000)
        page.wait_for_function("document.querySelectorAll('#events tr').length > 0")
        page.click("#microphone")
        page.wait_for_function("!window.page.audio")
        page.wait_for_timeout(300)  # what was being classified
        heard = np.array(page.evaluate("window.heard"), np.float32)
        found = np.array(page.evaluate("window.page.listener.raw"))
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
    browser.close()
    assert np.abs(heard).max() > 0.1
    wanted = expected(model, (heard, rate))
    np.testing.assert_allclose(found, wanted[: len(found)], atol=1e-3)


@needs_runtime
@pytest.mark.parametrize("waits", [False, True])
def test_another_file_may_be_chosen_while_one_is_heard(page, model, recording, tmp_path, waits):
    soundfile.write(tmp_path / "long.wav", np.tile(recording, 20), RATE)
    soundfile.write(tmp_path / "short.wav", recording, RATE)
    page.set_input_files("#file", tmp_path / "long.wav")
    if waits:
        page.wait_for_function("window.page.listener?.scores.length > 0")
    page.set_input_files("#file", tmp_path / "short.wav")
    page.wait_for_function(
        "/short.*found/.test(document.getElementById('status').textContent)", timeout=10000
    )
    found = np.array(page.evaluate("window.page.listener.raw"))
    np.testing.assert_allclose(found, expected(model, tmp_path / "short.wav"), atol=1e-3)
    page.wait_for_timeout(300)  # nothing of the first one comes later
    assert page.evaluate("window.page.listener.raw.length") == len(found)
    assert "short" in page.inner_text("#status")


@needs_runtime
def test_it_can_be_used_with_the_keyboard_and_says_what_happens(page, recording, tmp_path):
    order = []
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id"))
    assert order == ["file", "microphone", "threshold"]  # what is disabled is left out
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#threshold-value") == "0.51"
    assert page.get_attribute("#status", "aria-live") == "polite"
    names = page.locator("[role=meter]").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert names == ["Probability of high", "Probability of low"]
    path = tmp_path / "not audio.wav"
    path.write_bytes(b"this is no sound")
    page.set_input_files("#file", path)
    page.wait_for_function("document.getElementById('status').textContent.includes('cannot be')")


@needs_runtime
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_in_both_schemes(page, recording, tmp_path, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    path = tmp_path / "recording.wav"
    soundfile.write(path, recording, RATE)
    listen(page, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def fake_runtime(folder):
    for name in FILES:
        (folder / name).write_text("")
    return folder


def test_a_page_is_a_folder_of_files(model, tmp_path):
    runtime = tmp_path / "dist"
    runtime.mkdir()
    page = write_page(
        model, tmp_path / "page", title="Tönes", threshold=0.7, runtime=fake_runtime(runtime)
    )
    assert page == tmp_path / "page" / "index.html"
    names = {path.name for path in page.parent.iterdir()}
    assert names == {"index.html", "page.css", "page.mjs", "model.onnx", "model.json", *FILES}
    facts = json.loads((page.parent / "model.json").read_text(encoding="utf-8"))
    assert facts["title"] == "Tönes"
    assert facts["threshold"] == 0.7
    assert facts["classes"] == ["high", "low", "unknown"]
    text = page.read_text() + (page.parent / "page.mjs").read_text()
    assert "http://" not in text
    assert "https://" not in text


def test_a_missing_runtime_or_another_model_is_refused(model, tones, tmp_path):
    with pytest.raises(MissingDependencyError, match="npm install onnxruntime-web"):
        write_page(model, tmp_path / "page", runtime=tmp_path)
    assert not (tmp_path / "page").exists()
    fake_runtime(tmp_path)
    (tmp_path / "other.onnx").write_bytes(b"other")
    with pytest.raises(ModelFileError):
        write_page(tmp_path / "other.onnx", tmp_path / "page", runtime=tmp_path)
    features = MFCCTransformer().fit_transform(tones[0])
    bare = PerceptronClassifier(epochs=1, random_state=0).fit(features, tones[1])
    to_onnx(bare, tmp_path / "bare.onnx")
    with pytest.raises(ValueError, match="takes features"):
        write_page(tmp_path / "bare.onnx", tmp_path / "page", runtime=tmp_path)
