"""The model card."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skaudio.audio._sources import in_order
from skaudio.datasets import ClipCheck
from skaudio.model_selection import Evaluation
from skaudio.report._facts import facts
from skaudio.report._template import fill

__all__ = ["write_model_card"]


def write_model_card(
    estimator: Any,
    X: Any,
    path: str | os.PathLike,
    *,
    evaluation: Evaluation,
    check: ClipCheck,
    title: str | None = None,
    dataset: str = "recordings",
    license: str | None = None,  # noqa: A002 (the Hub's name)
) -> None:
    """Write a model card: a Markdown file in the form of the Hugging Face Hub.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted.
    X : sequence of recordings
        The clips of `check`, to measure how long one takes.
    path : str or PathLike
        The file, usually ``README.md``.
    evaluation : Evaluation
        Predictions, such as :func:`write_report` returns.
    check : ClipCheck
        What :func:`skaudio.datasets.check_clips` found in the training clips.
    title : str, default=None
        Heading. None names the classes.
    dataset : str, default="recordings"
        Name of the training data.
    license : str, default=None
        Identifier of the licence of the model, such as ``"mit"``. None leaves it out.

    Raises
    ------
    MissingDependencyError
        If Jinja is not installed (the extra ``report``).

    See Also
    --------
    write_report : A page with sounds and pictures.

    References
    ----------
    M. Mitchell et al., "Model cards for model reporting", FAT* 2019, 220-229.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.datasets import check_clips, make_spoken_words
    >>> from skaudio.model_selection import Evaluation
    >>> from skaudio.report import write_model_card
    >>> X, y = make_spoken_words(
    ...     ["cat", "dog"], n_clips=20, random_state=0, return_X_y=True
    ... )
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> evaluation = Evaluation.from_cross_validation(pipeline, X, y, cv=2)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "README.md")
    ...     write_model_card(
    ...         pipeline.fit(X, y), X, path, evaluation=evaluation, check=check_clips(X, y)
    ...     )
    ...     text = path.read_text()
    >>> "# Classifier of cat and dog" in text
    True
    """
    check_is_fitted(estimator)
    X = list(in_order(X, caller="write_model_card"))
    numbers = facts(estimator, X, evaluation, check, title)
    text = fill("model_card.md", **numbers, dataset=dataset, license=license)
    Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
