import subprocess
import sys

import skaudio.datasets


def test_all_is_sorted_and_exists():
    names = skaudio.datasets.__all__
    assert names == sorted(names)
    assert all(hasattr(skaudio.datasets, name) for name in names)


def test_import_loads_nothing_heavy():
    heavy = {"tensorflow", "keras", "matplotlib", "librosa", "numba", "pooch", "requests"}
    code = f"import sys, skaudio.datasets; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
