"""Progress bars."""

import subprocess
import sys

from skaudio._progress import progress_bar


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_a_bar_counts_and_a_disabled_one_shows_nothing(capfd):
    assert list(progress_bar(range(3), desc="count", unit="n")) == [0, 1, 2]
    assert "count: 100%" in capfd.readouterr().err
    with progress_bar(total=3, desc="count", unit="n", disable=True) as bar:
        bar.update(3)
    assert capfd.readouterr() == ("", "")


def test_tqdm_is_imported_with_the_first_bar_and_not_with_the_package():
    code = "from skaudio import MFCCTransformer, audio, datasets; print('tqdm' in sys.modules)"
    assert _run("import sys;" + code).stdout.strip() == "False"


def test_a_notebook_without_ipywidgets_gets_a_bar_of_text_and_no_warning():
    code = (
        "import sys, types;"
        "shell = types.SimpleNamespace(config={'IPKernelApp': {}});"
        "sys.modules |= {'IPython': types.ModuleType('IPython'), 'ipywidgets': None};"
        "sys.modules['ipykernel.zmqshell'] = shell;"
        "sys.modules['IPython'].get_ipython = lambda: shell;"
    )
    told = _run(code + "from tqdm.auto import tqdm")
    assert "IProgress not found" in told.stderr
    run = _run(
        code + "from skaudio._progress import progress_bar;"
        "list(progress_bar(range(3), desc='count', unit='n'))"
    )
    assert "IProgress" not in run.stderr
    assert "count: 100%" in run.stderr
