"""A folder with a page that listens."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from skaudio.exceptions import MissingDependencyError
from skaudio.page._vendor import FILES, VENDOR
from skaudio.runtime import load

__all__ = ["write_page"]

_STATIC = Path(__file__).parent / "static"


def write_page(
    model: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    title: str = "Listen",
    threshold: float = 0.5,
    hop: float = 0.1,
    runtime: str | os.PathLike | None = None,
) -> Path:
    """Write a web page that finds sounds in recordings and at the microphone.

    The page runs the model itself: nothing is sent anywhere, and any server of files is enough,
    such as ``python -m http.server``. Browsers only give access to the microphone on ``localhost``
    and over HTTPS.

    Parameters
    ----------
    model : str or PathLike
        A file of :func:`skaudio.export.to_onnx` that takes waveforms.
    folder : str or PathLike
        Where to; it is made if it does not exist. Files of an earlier page are replaced.
    title : str, default="Listen"
        The title of the page.
    threshold : float, default=0.5
        Where the slider of the threshold is at first.
    hop : float, default=0.1
        Time between two windows, in seconds.
    runtime : str or PathLike, default=None
        The folder ``dist`` of the npm package ``onnxruntime-web``. None takes the files that are in
        skaudio's package.

    Returns
    -------
    Path
        The page, ``index.html``.

    Raises
    ------
    ModelFileError
        If the model is damaged or of another program.
    ValueError
        If the model takes features instead of waveforms.
    MissingDependencyError
        If the files of onnxruntime-web are missing.

    Notes
    -----
    The page resamples with a filter like that of Python's side, reads WAV files itself and other
    files with the browser's decoder, and finds events like
    :class:`skaudio.detection.SoundDetector`.
    """
    source = VENDOR if runtime is None else Path(runtime)
    missing = [name for name in FILES if not (source / name).exists()]
    if missing:
        raise MissingDependencyError(
            f"{source} has no {' and no '.join(missing)}. Get them with npm install "
            "onnxruntime-web, and pass runtime='node_modules/onnxruntime-web/dist'."
        )
    contract = load(model).contract
    if contract.sample_rate is None:
        raise ValueError(
            f"{os.fspath(model)} takes features. Export the whole pipeline, from the recording to "
            "the label."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*_STATIC.iterdir(), *(source / name for name in FILES)]:
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(model, folder / "model.onnx")
    facts = {
        "title": title,
        "classes": contract.classes,
        "sample_rate": contract.sample_rate,
        "shape": contract.shape,
        "threshold": threshold,
        "hop": hop,
    }
    (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    return folder / "index.html"
