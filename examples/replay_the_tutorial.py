"""
Reproduce the tutorial that skaudio is based on
===============================================

The steps of the original tutorial on *bed*, *happy* and *cat*: every
third sample of each clip, 20 MFCCs of 2,048 samples (11 frames, as if the rate were still
16 kHz), no standardisation, a random 60/40 split with seed 42, batches of 100 and 50
epochs of Adam, no augmentation; the convolutions are 3 x 3, followed by a dense layer of
128. Like the tutorial it shares speakers between training and testing, so that the results
can be compared. Do not do this in your own work.
"""

# sphinx_gallery_thumbnail_path = 'images/learning-curves.png'

import librosa
import numpy as np
from sklearn.model_selection import train_test_split

from skaudio import ConvClassifier, LSTMClassifier, MFCCTransformer, PerceptronClassifier
from skaudio.datasets import fetch_speech_commands

recordings = fetch_speech_commands(["bed", "happy", "cat"], shuffle=False)
clips = [librosa.load(path, sr=None)[0][::3] for path in recordings.data]
mfcc = MFCCTransformer(
    sample_rate=16000,
    duration=11 * 512 / 16000 - 1 / 16000,  # the longest clip with 11 frames
    n_mfcc=20,
    n_fft=2048,
    win_length=2048,
    hop_length=512,
    n_mels=128,
)
X = mfcc.fit_transform(clips)
print(f"{len(X)} clips of {X.shape[1]} frames x {X.shape[2]} coefficients")

train, test, y_train, y_test = train_test_split(
    X, recordings.target, train_size=0.6, random_state=42, shuffle=True
)
recipe = {
    "epochs": 50,
    "batch_size": 100,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "learning_rate_schedule": "constant",
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "standardize": False,
    "augmentation": None,
    "random_state": 42,
    "verbose": 1,
}
image = {"conv_dim": 2, "kernel_size": 3, "batch_norm": False, "global_pooling": None}
image |= {"dense_units": 128, **recipe}
models = {
    "perceptron": (PerceptronClassifier(dropout=0.0, **recipe), 0.76),
    "one convolution": (ConvClassifier(filters=32, dropout=0.0, **image), 0.93),
    "two convolutions": (ConvClassifier(filters=(32, 64), dropout=0.0, **image), 0.93),
    "two and dropout": (
        ConvClassifier(filters=(32, 64), dropout=0.25, conv_dropout=0.25, **image),
        0.92,
    ),
    "LSTM": (
        LSTMClassifier(
            units=16, bidirectional=False, recurrent_pooling="last", dropout=0.0, **recipe
        ),
        0.46,
    ),
}
print(f"{'architecture':18}{'testing':>8}{'tutorial':>10}")
for name, (model, expected) in models.items():
    # The steps of the tutorial's LSTM are the coefficients, each with its 11 frames.
    axes = (0, 2, 1) if name == "LSTM" else (0, 1, 2)
    model.fit(np.transpose(train, axes), y_train)
    score = model.score(np.transpose(test, axes), y_test)
    print(f"{name:18}{score:8.3f}{expected:10.2f}")
