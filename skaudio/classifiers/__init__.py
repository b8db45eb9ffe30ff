"""Final estimators: Keras networks that are scikit-learn classifiers."""

from skaudio.classifiers._convolutional import ConvClassifier
from skaudio.classifiers._perceptron import PerceptronClassifier
from skaudio.classifiers._recurrent import GRUClassifier, LSTMClassifier

__all__ = ["ConvClassifier", "GRUClassifier", "LSTMClassifier", "PerceptronClassifier"]
