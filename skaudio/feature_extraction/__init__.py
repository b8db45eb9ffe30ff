"""Transform recordings to feature sequences."""

from skaudio.feature_extraction._embedding import EmbeddingTransformer
from skaudio.feature_extraction._log_mel import LogMelTransformer
from skaudio.feature_extraction._mfcc import MFCCTransformer
from skaudio.feature_extraction._pcen import PCENTransformer

__all__ = ["EmbeddingTransformer", "LogMelTransformer", "MFCCTransformer", "PCENTransformer"]
