"""What the estimators take for a list of recordings."""

import numpy as np
import pytest

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline, WaveformAugmenter


def _mfcc(X):
    return MFCCTransformer(duration=0.3).fit_transform(X)


def _augmented(X):
    return WaveformAugmenter(random_state=0).fit_resample(X, ["a"] * 30)[0][:30]


def _noise(X):
    WaveformAugmenter(noise=X).fit_resample(["not opened"])


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2")
@pytest.mark.parametrize("kind", ["row", "column"])
def test_paths_may_be_numpys_variable_strings(kind, tone_files):
    paths = tone_files[0]
    X = np.array(paths, dtype=np.dtypes.StringDType())
    X = X if kind == "row" else X[:, None]
    np.testing.assert_array_equal(_mfcc(X), _mfcc(paths))
    assert _augmented(X) == paths
    _noise(X)


@pytest.mark.parametrize("function", [_mfcc, _augmented, _noise])
@pytest.mark.parametrize("holder", [set, frozenset, dict.fromkeys])
def test_what_has_no_order_of_its_own_is_refused(function, holder, tone_files):
    with pytest.raises(
        TypeError, match=r"(Transformer|Augmenter) expects a list.* got a \w*(set|dict)"
    ):
        function(holder(tone_files[0]))


def test_an_iterator_is_read_once(tone_files):
    paths, labels, _ = tone_files
    np.testing.assert_array_equal(_mfcc(iter(paths)), _mfcc(paths))
    assert _augmented(path for path in paths) == paths
    read = iter(paths)
    transformer = MFCCTransformer().fit(read)
    with pytest.raises(ValueError, match=r"0 sample.*only once: pass list\(X\)"):
        transformer.transform(read)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[30, 29\]"):
        MFCCTransformer().fit(iter(paths), labels[1:])


def test_a_pipeline_takes_an_iterator(tone_files):
    paths, labels, _ = tone_files
    model = Pipeline(
        [
            WaveformAugmenter(random_state=0),
            MFCCTransformer(n_mfcc=13),
            PerceptronClassifier(epochs=2, random_state=0),
        ]
    )
    expected = model.fit(paths, labels).predict_proba(paths)
    np.testing.assert_array_equal(
        model.fit(iter(paths), labels).predict_proba(iter(paths)), expected
    )
    plain = Pipeline(model.steps[1:]).fit(iter(paths), labels)
    assert plain.score(iter(paths), labels) > 0
