"""A pipeline that names its steps by itself."""

from __future__ import annotations

from sklearn import pipeline as sklearn_pipeline

__all__ = ["Pipeline"]


class Pipeline(sklearn_pipeline.Pipeline):
    """Scikit-learn's pipeline, which also takes bare steps.

    Everything else is :class:`sklearn.pipeline.Pipeline`. scikit-learn's own
    ``Pipeline`` and ``make_pipeline`` work with skaudio's estimators just as well.

    Parameters
    ----------
    steps : list of estimators or of (str, estimator)
        The steps. Bare estimators get the names that
        :func:`sklearn.pipeline.make_pipeline` would give them: the class name in lower
        case, with a number where a class comes twice.
    transform_input : list of str, default=None
        As in :class:`sklearn.pipeline.Pipeline`.
    memory : str or object with the joblib.Memory interface, default=None
        As in :class:`sklearn.pipeline.Pipeline`.
    verbose : bool, default=False
        As in :class:`sklearn.pipeline.Pipeline`.

    See Also
    --------
    sklearn.pipeline.make_pipeline : Names steps in the same way.

    Examples
    --------
    >>> from skaudio import ConvClassifier, MFCCTransformer, Pipeline
    >>> model = Pipeline([MFCCTransformer(), ConvClassifier()])
    >>> [name for name, _ in model.steps]
    ['mfcctransformer', 'convclassifier']
    >>> model.set_params(convclassifier__dropout=0.5)["convclassifier"].dropout
    0.5
    """

    def __init__(self, steps, *, transform_input=None, memory=None, verbose=False):
        super().__init__(
            _named(steps), transform_input=transform_input, memory=memory, verbose=verbose
        )


def _named(steps):
    """Name the bare steps; the list itself comes back if there are none.

    ``clone`` compares the parameter with what it handed in, by identity.
    """
    if not isinstance(steps, list | tuple) or all(isinstance(step, tuple) for step in steps):
        return steps
    bare = [step for step in steps if not isinstance(step, tuple)]
    names = iter([name for name, _ in sklearn_pipeline.make_pipeline(*bare).steps])
    return [step if isinstance(step, tuple) else (next(names), step) for step in steps]
