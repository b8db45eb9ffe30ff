"""Record searches in MLflow."""

from __future__ import annotations

import csv
import io
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib

from skaudio.tracking._fit import Fit, best, confusion_figure, cv_table, texts
from skaudio.tracking._recorder import Recorder, imported

__all__ = ["MLflowRecorder"]

_GROUP, _KIND, _FOLD = "skaudio.group", "skaudio.kind", "skaudio.held_out"


class MLflowRecorder(Recorder):
    """A scorer that records every fit as a run of MLflow.

    Pass it as ``scoring`` to a search or a cross-validation. Each fit is a run, nested in one run
    of the search: its parameters, scores and learning curves, the confusion matrix as a picture and
    a table, and the classification report. Runs are written by their identifiers, so that a run
    that you have started yourself stays as it is, and several processes and threads can record.

    Parameters
    ----------
    tracking_uri : str, default=None
        Where MLflow keeps its runs, such as ``"sqlite:///runs.db"`` or the address of a server;
        None is MLflow's own setting.
    experiment : str, default="skaudio"
        Name of the experiment; created if it does not exist, with its files next to the database if
        that is a file.
    group : str, default="search"
        Name of the run that the others are nested in. A search that is continued, by
        :class:`~skaudio.model_selection.ResumableSearch`, continues it.
    scoring : str, callable, list or dict, default="accuracy"
        The score or scores, as in :func:`sklearn.metrics.check_scoring`.
    log_model : bool, default=True
        Whether `record` also keeps the best estimator, as a file of joblib.

    See Also
    --------
    WandbRecorder : The same for Weights & Biases.
    TensorBoardRecorder : The same for TensorBoard.

    Notes
    -----
    If a fit cannot be recorded, there is a warning, and the score is kept.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skaudio import ConvClassifier
    >>> from skaudio.tracking import MLflowRecorder
    >>> def search_and_record(X, y):
    ...     with MLflowRecorder("sqlite:///runs.db", group="dropout") as recorder:
    ...         search = GridSearchCV(
    ...             ConvClassifier(), {"dropout": [0.0, 0.5]}, scoring=recorder, n_jobs=2
    ...         )
    ...         recorder.record(search.fit(X, y))
    """

    def __init__(
        self,
        tracking_uri=None,
        *,
        experiment="skaudio",
        group="search",
        scoring="accuracy",
        log_model=True,
    ):
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self.group = group
        self.scoring = scoring
        self.log_model = log_model

    def _write_search(self, search: Any, model: Any) -> None:
        client, experiment = self._connect()
        run = self._parent(client, experiment)
        params, score = best(search)
        for name, text in texts(params).items():
            client.set_tag(run, f"best.{name}", text)  # parameters of a run cannot change
        if score is not None:
            client.log_metric(run, "best_score", score)
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows(cv_table(search))
        client.log_text(run, table.getvalue(), "cv_results.csv")
        if model is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.joblib"
                joblib.dump(model, path)
                client.log_artifact(run, path, "model")

    def _begin(self):
        self._parent(*self._connect())

    def _finish(self, *, failed):
        client, experiment = self._connect()
        status = "FAILED" if failed else "FINISHED"
        client.set_terminated(self._parent(client, experiment), status)

    def _write(self, fit: Fit) -> str:
        client, experiment = self._connect()
        tags = {"mlflow.parentRunId": self._parent(client, experiment), _FOLD: fit.held_out}
        run = client.create_run(experiment, run_name=fit.name, tags=tags).info.run_id
        try:
            self._fill(client, run, fit)
        except BaseException:
            client.set_terminated(run, "FAILED")
            raise
        client.set_terminated(run, "FINISHED")
        return run

    def _fill(self, client: Any, run: str, fit: Fit) -> None:
        entities = imported("mlflow.entities", "mlflow", self)
        now = int(1000 * time.time())
        steps = [(n, [v], 0) for n, v in fit.scores.items()]
        steps += [(n, values, 1) for n, values in fit.curves.items()]
        metrics = [
            entities.Metric(name, float(value), now, first + index)
            for name, values, first in steps
            for index, value in enumerate(values)
        ]
        params = [entities.Param(name, text) for name, text in fit.params.items()]
        params.append(entities.Param("n_held_out", str(fit.n_held_out)))
        for start in range(0, len(metrics), 1000):  # as many as MLflow takes at once
            client.log_batch(run, metrics=metrics[start : start + 1000])
        for start in range(0, len(params), 100):
            client.log_batch(run, params=params[start : start + 100])
        if fit.confusion is not None:
            client.log_figure(run, confusion_figure(fit), "confusion_matrix.png")
            table = {"labels": fit.labels, "counts": fit.confusion.tolist()}
            client.log_dict(run, table, "confusion_matrix.json")
            client.log_text(run, fit.report, "classification_report.txt")

    def _add_scores(self, run: str, scores: dict[str, float]) -> None:
        client, _ = self._connect()
        for name, value in scores.items():
            client.log_metric(run, name, value)

    def _connect(self) -> tuple[Any, str]:
        """Return a client and the experiment; create the database and the experiment if needed."""
        mlflow = imported("mlflow", "mlflow", self)
        # MLflow announces that it creates the tables of a new database.
        loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "alembic")]
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.WARNING)
            client = mlflow.MlflowClient(tracking_uri=self.tracking_uri)
            known = client.get_experiment_by_name(self.experiment)
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
        if known is not None:
            return client, known.experiment_id
        uri = str(self.tracking_uri or "")
        location = None  # a server has its own
        if uri.startswith("sqlite:///"):
            folder = Path(uri.removeprefix("sqlite:///")).absolute().parent
            location = (folder / "mlflow-artifacts" / self.experiment).as_uri()
        return client, client.create_experiment(self.experiment, artifact_location=location)

    def _parent(self, client: Any, experiment: str) -> str:
        """Return the run of the group; create it if there is none."""
        runs = client.search_runs(
            [experiment], f"tags.`{_KIND}` = 'search'", order_by=["attributes.start_time ASC"]
        )
        for run in runs:
            if run.data.tags.get(_GROUP) == self.group:
                return run.info.run_id
        tags = {_KIND: "search", _GROUP: self.group}
        return client.create_run(experiment, run_name=self.group, tags=tags).info.run_id
