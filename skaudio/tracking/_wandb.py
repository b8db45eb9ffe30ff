"""Record searches in Weights & Biases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib

from skaudio.tracking._fit import Fit, best, confusion_figure, cv_table, texts
from skaudio.tracking._recorder import Recorder, imported

__all__ = ["WandbRecorder"]


class WandbRecorder(Recorder):
    """A scorer that records every fit as a run of Weights & Biases.

    Pass it as ``scoring`` to a search or a cross-validation. The runs of a search have the same
    group: their parameters, scores and learning curves, the confusion matrix as a picture and a
    table, and the classification report. A run that you have started yourself stays as it is.

    Parameters
    ----------
    project : str, default="skaudio"
        Name of the project.
    group : str, default="search"
        Name of the search.
    folder : str or PathLike, default=None
        Folder of the run files, in a sub-folder ``wandb``; None is the library's own setting.
    mode : {"offline", "online", "disabled"}, default="offline"
        "offline" writes files only, which ``wandb sync`` uploads. The default uploads nothing that
        you did not ask it to.
    scoring : str, callable, list or dict, default="accuracy"
        The score or scores, as in :func:`sklearn.metrics.check_scoring`.
    log_model : bool, default=True
        Whether `record` also keeps the best estimator, as a file of joblib.

    See Also
    --------
    MLflowRecorder : The same for MLflow.
    TensorBoardRecorder : The same for TensorBoard.

    Notes
    -----
    If a fit cannot be recorded, there is a warning, and the score is kept. With
    ``return_train_score=True``, the training scores of a fit are another run of the group, whose
    ``fit`` is the identifier of the first.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skaudio import ConvClassifier
    >>> from skaudio.tracking import WandbRecorder
    >>> def search_and_record(X, y):
    ...     with WandbRecorder("words", group="dropout", folder="runs") as recorder:
    ...         search = GridSearchCV(
    ...             ConvClassifier(), {"dropout": [0.0, 0.5]}, scoring=recorder, n_jobs=2
    ...         )
    ...         recorder.record(search.fit(X, y))
    """

    def __init__(
        self,
        project="skaudio",
        *,
        group="search",
        folder=None,
        mode="offline",
        scoring="accuracy",
        log_model=True,
    ):
        self.project = project
        self.group = group
        self.folder = folder
        self.mode = mode
        self.scoring = scoring
        self.log_model = log_model

    def _write_search(self, search: Any, model: Any) -> None:
        header, *rows = cv_table(search)
        params, score = best(search)
        with self._run(name=self.group, job_type="search", config=texts(params)) as run:
            if score is not None:
                run.summary["best_score"] = score
            run.log({"cv_results": self._wandb().Table(columns=header, data=rows)})
            if model is not None:
                joblib.dump(model, Path(run.dir) / "model.joblib")

    def _begin(self):
        self._wandb()

    def _write(self, fit: Fit) -> str:
        wandb = self._wandb()
        config = {**fit.params, "held_out": fit.held_out, "n_held_out": fit.n_held_out}
        with self._run(name=fit.name, job_type="fit", config=config) as run:
            run.define_metric("epoch")
            for name in fit.curves:
                run.define_metric(name, step_metric="epoch")
            for index, values in enumerate(zip(*fit.curves.values(), strict=True)):
                run.log({"epoch": index + 1, **dict(zip(fit.curves, values, strict=True))})
            if fit.confusion is not None:
                pairs = [
                    [true, predicted, int(fit.confusion[row, column])]
                    for row, true in enumerate(fit.labels)
                    for column, predicted in enumerate(fit.labels)
                ]
                run.log(
                    {
                        "confusion_matrix": wandb.Image(confusion_figure(fit)),
                        "confusion": wandb.Table(["true", "predicted", "clips"], pairs),
                        "classification_report": wandb.Html(f"<pre>{fit.report}</pre>"),
                    }
                )
            run.summary.update(fit.scores)
            return run.id

    def _add_scores(self, run: str, scores: dict[str, float]) -> None:
        # A finished run cannot be continued offline, so they are a run of their own.
        with self._run(job_type="training scores", config={"fit": run}) as added:
            added.summary.update(scores)

    def _run(self, **options: Any) -> Any:
        if self.folder is not None:
            os.makedirs(self.folder, exist_ok=True)
        wandb = self._wandb()
        return wandb.init(
            project=self.project,
            group=self.group,
            dir=self.folder,
            mode=self.mode,
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
            **options,
        )

    def _wandb(self) -> Any:
        return imported("wandb", "wandb", self)
