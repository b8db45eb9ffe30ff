"""Record searches for TensorBoard."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from skaudio.tracking._fit import Fit, best, confusion_figure, cv_table, texts
from skaudio.tracking._recorder import Recorder, imported

__all__ = ["TensorBoardRecorder"]


class TensorBoardRecorder(Recorder):
    """A scorer that records every fit for TensorBoard.

    Pass it as ``scoring`` to a search or a cross-validation, then run ``tensorboard --logdir`` with
    the folder. Each fit has a sub-folder: scores and learning curves, parameters (the tab
    HPARAMS), the confusion matrix as a picture, and the classification report.

    Parameters
    ----------
    folder : str or PathLike
        Folder of the records.
    group : str, default="search"
        Sub-folder of the search.
    scoring : str, callable, list or dict, default="accuracy"
        The score or scores, as in :func:`sklearn.metrics.check_scoring`.
    log_model : bool, default=True
        Whether `record` also keeps the best estimator, as a file of joblib.

    See Also
    --------
    MLflowRecorder : The same for MLflow.
    WandbRecorder : The same for Weights & Biases.
    keras.callbacks.TensorBoard : Shows a training while it runs.

    Notes
    -----
    If a fit cannot be recorded, there is a warning, and the score is kept.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skaudio import ConvClassifier
    >>> from skaudio.tracking import TensorBoardRecorder
    >>> def search_and_record(X, y):
    ...     recorder = TensorBoardRecorder("runs", group="dropout")
    ...     search = GridSearchCV(
    ...         ConvClassifier(), {"dropout": [0.0, 0.5]}, scoring=recorder
    ...     )
    ...     recorder.record(search.fit(X, y))
    """

    def __init__(self, folder, *, group="search", scoring="accuracy", log_model=True):
        self.folder = folder
        self.group = group
        self.scoring = scoring
        self.log_model = log_model

    def _write_search(self, search: Any, model: Any) -> None:
        tf = self._tensorflow()
        with self._writer(self._group()):
            params, score = best(search)
            if score is not None:
                tf.summary.scalar("best_score", score, step=0)
            lines = "\n".join(f"* {name}: {v}" for name, v in texts(params).items())
            tf.summary.text("best_params", lines, step=0)
            tf.summary.text("cv_results", _as_markdown(cv_table(search)), step=0)
        if model is not None:
            joblib.dump(model, self._group() / "model.joblib")

    def _begin(self):
        self._tensorflow()
        self._group().mkdir(parents=True, exist_ok=True)

    def _write(self, fit: Fit) -> Path:
        tf = self._tensorflow()
        hparams = imported("tensorboard.plugins.hparams.api", "tensorboard", self)
        folder = self._group() / f"{fit.name}-{fit.held_out}-{uuid.uuid4().hex[:8]}"
        with self._writer(folder):
            hparams.hparams({**fit.params, "held_out": fit.held_out}, trial_id=folder.name)
            for name, value in fit.scores.items():
                tf.summary.scalar(name, value, step=0)
            for name, values in fit.curves.items():
                for index, value in enumerate(values):
                    tf.summary.scalar(name, value, step=index + 1)
            if fit.confusion is not None:
                tf.summary.image("confusion_matrix", _pixels(confusion_figure(fit))[None], step=0)
                report = "\n".join(f"    {line}" for line in fit.report.splitlines())
                tf.summary.text("classification_report", report, step=0)
        return folder

    def _add_scores(self, run: Path, scores: dict[str, float]) -> None:
        with self._writer(run):
            for name, value in scores.items():
                self._tensorflow().summary.scalar(name, value, step=0)

    def _group(self) -> Path:
        return Path(self.folder) / self.group

    @contextmanager
    def _writer(self, folder: Path) -> Iterator[None]:
        writer = self._tensorflow().summary.create_file_writer(str(folder))
        with writer.as_default():
            yield
        writer.close()

    def _tensorflow(self) -> Any:
        imported("tensorboard", "tensorboard", self)
        from skaudio._tensorflow import tf

        return tf


def _pixels(figure: Any) -> np.ndarray:
    """Render a figure; (height, width, 4)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def _as_markdown(table: list[list[str]]) -> str:
    header, *rows = table
    return "\n".join(f"|{'|'.join(row)}|" for row in (header, ["---"] * len(header), *rows))
