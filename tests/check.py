"""Run every check of the project, in the order in which they fail fastest.

``python tests/check.py`` needs the extras ``test`` and ``docs``; it says what it runs and
stops at the first failure.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "skaudio").rglob("*.py"))

CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "spelling": ["codespell"],
    "docstrings": ["numpydoc", "lint", *SOURCES],
    "types": ["mypy"],
    "tests": ["pytest", "-n", "2", "--dist", "loadgroup", "-q"],
    "pages": ["pytest", "-n", "2", "-q", "--doctest-glob=*.rst", "docs"],
    "docs": ["sphinx-build", "-W", "-q", "-b", "html", "docs", "docs/_build/html"],
}


def main() -> int:
    """Run the checks; return the exit code of the first that fails."""
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"
    # pytest runs two processes: a thread of TensorFlow in each is faster than two.
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PATH": path}
    shutil.rmtree(ROOT / "docs" / "_build", ignore_errors=True)
    for name, command in CHECKS.items():
        print(f"== {name}: {' '.join(command[:4])}", flush=True)
        started = time.perf_counter()
        program = shutil.which(command[0], path=path) or command[0]
        done = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, check=False)
        print(
            f"== {name}: exit {done.returncode}, {time.perf_counter() - started:.0f} s", flush=True
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
