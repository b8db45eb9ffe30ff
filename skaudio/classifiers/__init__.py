"""Keras networks as scikit-learn classifiers."""

from skaudio.classifiers._base import BaseAudioClassifier
from skaudio.classifiers._bc_resnet import BCResNetClassifier
from skaudio.classifiers._convolutional import ConvClassifier
from skaudio.classifiers._convolutional_recurrent import CRNNClassifier
from skaudio.classifiers._ds_cnn import DSCNNClassifier
from skaudio.classifiers._keras_network import KerasNetworkClassifier
from skaudio.classifiers._perceptron import PerceptronClassifier
from skaudio.classifiers._recurrent import GRUClassifier, LSTMClassifier
from skaudio.classifiers._tc_resnet import TCResNetClassifier

__all__ = [
    "BCResNetClassifier",
    "BaseAudioClassifier",
    "CRNNClassifier",
    "ConvClassifier",
    "DSCNNClassifier",
    "GRUClassifier",
    "KerasNetworkClassifier",
    "LSTMClassifier",
    "PerceptronClassifier",
    "TCResNetClassifier",
]
