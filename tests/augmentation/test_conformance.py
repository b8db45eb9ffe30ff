"""scikit-learn's and imbalanced-learn's own checks, run on the augmenter for real."""

from dataclasses import fields

import imblearn.utils.estimator_checks as imblearn_checks
import pytest
from imblearn.base import is_sampler
from imblearn.utils._tags import InputTags, SamplerTags, Tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import WaveformAugmenter


@parametrize_with_checks(
    [WaveformAugmenter(random_state=0)],
    expected_failed_checks=lambda estimator: {
        "check_estimators_nan_inf": (
            "recordings are opened by the transformer, which finds NaN and infinity; fit_resample "
            "only describes"
        )
    },
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


DESCRIPTIONS = "X comes out as a list, for descriptions of clips stand in no array"
NOT_CONVERTED = {
    "check_target_type": "labels are repeated, whatever they are",
    "check_samplers_one_label": "nothing is balanced, so one class is welcome",
    "check_samplers_fit": "nothing is balanced, so there is no sampling_strategy_",
    "check_samplers_string": DESCRIPTIONS,
    "check_samplers_list": "labels come out as an array, also those of a list",
    "check_samplers_multiclass_ova": DESCRIPTIONS,
    "check_samplers_preserve_dtype": DESCRIPTIONS,
    "check_sampler_get_feature_names_out": "recordings have no features",
    "check_sampler_get_feature_names_out_pandas": "recordings have no features",
}


class TaggedAugmenter(WaveformAugmenter):
    """Has the tags that imbalanced-learn's checks read, and scikit-learn has no place for."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        known = {
            field.name: getattr(tags.input_tags, field.name) for field in fields(InputTags)[:-1]
        }
        return Tags(
            estimator_type=tags.estimator_type,
            target_tags=tags.target_tags,
            transformer_tags=None,
            regressor_tags=None,
            classifier_tags=None,
            input_tags=InputTags(**known),
            sampler_tags=SamplerTags(sample_indices=True),
        )


def _name(check):
    return getattr(check, "func", check).__name__


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(
            check,
            marks=pytest.mark.xfail(reason=NOT_CONVERTED[_name(check)], strict=True)
            if _name(check) in NOT_CONVERTED
            else (),
        )
        for _, check in imblearn_checks.estimator_checks_generator(TaggedAugmenter(random_state=0))
    ],
    ids=_name,
)
def test_imbalanced_learn_conformance(check):
    check(TaggedAugmenter(random_state=0))


def test_imbalanced_learn_sees_a_sampler():
    assert is_sampler(WaveformAugmenter())
