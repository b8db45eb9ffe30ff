"""A folder that keeps feature rows, so that no clip is transformed twice."""

from skaudio.store._store import FeatureStore

__all__ = ["FeatureStore"]
