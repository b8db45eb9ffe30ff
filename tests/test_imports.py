"""What an import costs, and the arrows between the modules."""

import ast
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skaudio

PACKAGE = Path(skaudio.__file__).parent

HEAVY = ("tensorflow", "keras", "scikeras", "matplotlib", "numba", "librosa", "sklearn")

# Each module of skaudio, and the modules of skaudio that it may import. Arrows point
# from the top (estimators, data sets) to the bottom (arithmetic); never back.
ARROWS = {
    "__init__": {"_version"},
    "_fit_callbacks": set(),
    "_progress": set(),
    "_tables": {"exceptions"},
    "_tensorflow": set(),
    "_validation": {"audio"},
    "_version": set(),
    "architectures": {"_tensorflow"},
    "audio": {"_progress", "exceptions"},
    "augmentation": {"_tensorflow", "_validation", "audio", "exceptions"},
    "cascade": {"_fit_callbacks", "_validation"},
    "classifiers": {
        "_fit_callbacks",
        "_progress",
        "_tensorflow",
        "_validation",
        "architectures",
        "augmentation",
    },
    "cli": {
        "",
        "audio",
        "datasets",
        "detection",
        "exceptions",
        "export",
        "model_selection",
        "page",
        "report",
        "runtime",
    },
    "datasets": {"_progress", "_tables", "_validation", "audio", "detection", "dsp", "exceptions"},
    "detection": {"_progress", "_tables", "audio", "exceptions"},
    "display": {"audio", "exceptions"},
    "distillation": {"_fit_callbacks", "_validation", "audio"},
    "dsp": set(),
    "exceptions": set(),
    "export": {
        "_tensorflow",
        "_version",
        "audio",
        "classifiers",
        "distillation",
        "dsp",
        "exceptions",
        "feature_extraction",
        "rejection",
        "runtime",
    },
    "feature_extraction": {
        "_fit_callbacks",
        "_progress",
        "_validation",
        "_version",
        "audio",
        "dsp",
        "exceptions",
        "store",
    },
    "model_selection": {"_fit_callbacks", "_progress", "audio", "datasets", "dsp", "exceptions"},
    "page": {"exceptions", "runtime"},
    "pipeline": {"rejection"},
    "prototypes": {"_fit_callbacks", "_validation"},
    "rejection": {"_fit_callbacks", "_validation"},
    "report": {
        "_version",
        "architectures",
        "audio",
        "datasets",
        "dsp",
        "exceptions",
        "model_selection",
    },
    "runtime": {"audio", "exceptions"},
    "store": set(),
    "tracking": {"_tensorflow"},
}

# Outside packages that only one place may know.
FENCES = {
    "scikeras": {"classifiers/_scikeras.py"},
    "tensorflow": {"_tensorflow.py"},
    "keras": {"_tensorflow.py"},
    "av": {"audio/_ffmpeg.py"},
    "livekit": set(),  # only its files are used
    "onnx": {"feature_extraction/_onnx.py"},
    "onnxruntime": {"feature_extraction/_onnx.py", "runtime/_model.py"},
    "mlflow": set(),  # these three are imported by name
    "tensorboard": set(),
    "wandb": set(),
}


def _run(code, **environment):
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def _imports(path):
    """Every module that a file imports when it is loaded or run."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "skaudio":
                yield from (f"skaudio.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_importing_skaudio_loads_nothing_heavy():
    code = f"import sys, skaudio; print([m for m in {HEAVY} if m in sys.modules])"
    run = _run(code)
    assert run.stdout.strip() == "[]"
    assert run.stderr == ""


def test_features_need_no_tensorflow_and_no_numba():
    code = (
        "import sys, numpy as np; from skaudio import MFCCTransformer;"
        "MFCCTransformer().fit_transform(np.zeros((1, 800)));"
        f"print([m for m in {HEAVY[:-1]} if m in sys.modules])"
    )
    assert _run(code).stdout.strip() == "[]"


def test_audio_stands_on_numpy_pyav_and_soxr_alone():
    """So that a runtime without the rest of the house can read recordings."""
    heavy = (*HEAVY, "joblib", "scipy", "pandas", "soundfile", "tqdm")
    code = (
        "import sys, numpy as np; from skaudio import audio;"
        "audio.load((np.zeros(800), 8000)); audio.find_unreadable([b'no audio']);"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert _run(code).stdout.strip() == "[]"


def test_augmentation_needs_no_tensorflow_and_no_numba():
    code = (
        "import sys, numpy as np; from skaudio import WaveformAugmenter;"
        "X, _ = WaveformAugmenter(noise='white', room='synthetic')"
        ".fit_resample(np.ones((1, 800)));"
        "X[1].render(sample_rate=16000);"
        f"print([m for m in {HEAVY[:-1]} if m in sys.modules])"
    )
    assert _run(code).stdout.strip() == "[]"


FIT = (
    "import numpy as np, logging; from skaudio import PerceptronClassifier;"
    "X = np.zeros((8, 5, 2)); y = list('abababab');"
    "PerceptronClassifier(epochs=1).fit(X, y).predict(X);"
)


@pytest.mark.parametrize(("own", "expected"), [({}, 3), ({"TF_NUM_INTRAOP_THREADS": "2"}, 0)])
def test_tensorflow_is_silent_and_has_the_threads_that_are_granted_to_others(own, expected):
    """Its own variable has precedence; TensorFlow then reads it (and states no number)."""
    code = (
        "import logging; log = logging.getLogger('tensorflow'); log.setLevel('CRITICAL');"
        + FIT
        + "from skaudio._tensorflow import tf;"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), log.level)"
    )
    run = _run(code, OMP_NUM_THREADS="3", **own)
    assert (run.stdout.split(), run.stderr) == ([str(expected), str(logging.CRITICAL)], "")


def test_worker_processes_stay_silent_too():
    code = (
        "import numpy as np; from skaudio import PerceptronClassifier;"
        "from sklearn.model_selection import cross_val_score;"
        "X = np.random.default_rng(0).normal(size=(12, 5, 2)); y = list('ab' * 6);"
        "cross_val_score(PerceptronClassifier(epochs=1), X, y, cv=2, n_jobs=2)"
    )
    run = _run(code)
    assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize("level", ["1", "2"])
def test_a_users_own_log_level_is_not_overruled(level):
    run = _run(
        FIT + "import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])", TF_CPP_MIN_LOG_LEVEL=level
    )
    assert run.stdout.strip() == level
    # Warnings about CUDA and instructions are there at 0 and 1; not even errors at 2 and 3.
    assert bool(run.stderr) == (level in "01"), run.stderr


def test_no_stderr_is_no_obstacle():
    _run("import os, sys; os.close(2); sys.stderr = None; import skaudio; skaudio.ConvClassifier")


def test_other_output_during_the_import_is_not_swallowed():
    code = (
        "import os, skaudio._tensorflow as t;"
        "import importlib, sys;"
        "del sys.modules['tensorflow'];"
        "cm = t._quiet_start();"
        "cm.__enter__(); os.write(2, b'keep me\\n'); "
        "os.write(2, b'I0000 00:00:1.5 7 x.cc:31] chatter\\n'); cm.__exit__(None, None, None)"
    )
    assert _run(code).stderr == "keep me\n"


def test_another_keras_backend_is_refused_with_a_remedy():
    code = (
        "import keras.src.backend as b, sys\n"
        "import keras; keras.backend.backend = lambda: 'torch'\n"
        "try:\n"
        "    import skaudio._tensorflow\n"
        "except ImportError as error: print(error)"
    )
    assert "KERAS_BACKEND=tensorflow" in _run(code).stdout


@pytest.mark.parametrize("name", sorted(ARROWS))
def test_arrows_point_one_way(name):
    home = PACKAGE / name
    files = sorted(home.rglob("*.py")) if home.is_dir() else [PACKAGE / f"{name}.py"]
    assert files
    for path in files:
        if name == "__init__":
            imported = {"_version"}
        else:
            imported = {
                module.split(".")[1]
                for module in _imports(path)
                if module.startswith("skaudio.") and module.split(".")[1] != name
            }
        assert imported <= ARROWS[name], f"{path.name} imports {imported - ARROWS[name]}"


def test_every_module_has_its_arrows():
    found = {
        path.stem if path.is_file() else path.name
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert found == set(ARROWS)


@pytest.mark.parametrize("package", sorted(FENCES))
def test_fenced_packages_are_named_in_one_place(package):
    files = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(module.split(".")[0] == package for module in _imports(path))
    }
    assert files == FENCES[package]
