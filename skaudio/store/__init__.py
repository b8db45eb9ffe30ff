"""Store features in a folder, so that each clip is transformed only once."""

from skaudio.store._store import FeatureStore

__all__ = ["FeatureStore"]
