"""Record every fit of a search in MLflow, Weights & Biases or TensorBoard."""

from skaudio.tracking._mlflow import MLflowRecorder
from skaudio.tracking._tensorboard import TensorBoardRecorder
from skaudio.tracking._wandb import WandbRecorder

__all__ = ["MLflowRecorder", "TensorBoardRecorder", "WandbRecorder"]
