"""Pairs of a small network and data, each trained for a few epochs at a constant rate.

`REPORTED` are the ten that `learning_rate_finder.py` reports on; `DEVELOPMENT` are others, on
which the rule of the suggestion was found.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn import datasets, preprocessing

from keras_trainkit import optimizers
from keras_trainkit.datasets import digits_on_photos


@dataclass(frozen=True)
class Pair:
    """What is trained, on what, by what, and for how long."""

    name: str
    data: Any
    layers: Any  # a function that returns those between input and output
    optimizer: Any  # a function of the rate
    epochs: int = 10
    batch: int = 32
    validation: float = 0.33

    def arrays(self):
        """`(x, y)` to train on and `(x, y)` to judge by."""
        x, y = self.data()
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order], y[order]
        edge = len(x) - int(self.validation * len(x))
        return (x[:edge], y[:edge]), (x[edge:], y[edge:])

    def build(self, rate, shape, outputs):
        """A new compiled model; one output is a regression's."""
        model = keras.Sequential([keras.Input(shape), *self.layers(), layers.Dense(outputs)])
        loss = (
            keras.losses.MeanSquaredError()
            if outputs == 1
            else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        model.compile(self.optimizer(rate), loss)
        return model


def _classes(x, y):
    return preprocessing.scale(x).astype("float32"), y.astype("int32")


def _values(x, y, noise=0.0):
    y = preprocessing.scale(y) + noise * np.random.default_rng(5).normal(size=len(y))
    return preprocessing.scale(x).astype("float32"), y.astype("float32")[:, None]


def _digits(flat=True):
    x, y = datasets.load_digits(return_X_y=True)
    x = ((x - 5) / 6).astype("float32")
    return (x if flat else x.reshape(-1, 8, 8, 1)), y.astype("int32")


def _photos():
    digits = digits_on_photos()
    x = np.concatenate([digits.train[0], digits.validation[0], digits.test[0]])
    y = np.concatenate([digits.train[1], digits.validation[1], digits.test[1]])
    x = x.reshape(-1, 16, 2, 16, 2, 3).mean((2, 4, 5))[..., None]  # grey, half the side
    return ((x - x.mean()) / x.std()).astype("float32"), y.astype("int32")


def _noisy(x, y, classes, share=0.1):
    generator = np.random.default_rng(6)
    other = generator.integers(0, classes, len(y))
    return _classes(x, np.where(generator.random(len(y)) < share, other, y))


def _dense(*units, activation="relu", norm=False, dropout=0.0, start="he_normal"):
    def make():
        for count in units:
            yield layers.Dense(count, None if norm else activation, kernel_initializer=start)
            if norm:
                yield layers.BatchNormalization()
                yield layers.Activation(activation)
            if dropout:
                yield layers.Dropout(dropout, seed=1)

    return make


def _conv(*filters, norm=False, flat=True):
    def make():
        for count in filters:
            yield layers.Conv2D(count, 3, 2, padding="same", kernel_initializer="he_normal")
            if norm:
                yield layers.BatchNormalization()
            yield layers.Activation("relu")
        yield layers.Flatten() if flat else layers.GlobalAveragePooling2D()

    return make


K = keras.optimizers
_generated = datasets.make_classification

REPORTED = [
    Pair("digits, 1 hidden, SGD", _digits, _dense(32), lambda r: K.SGD(r)),
    Pair("digits, 3 hidden BN, momentum", _digits, _dense(32, 32, 32, norm=True),
         lambda r: optimizers.SGD(r, momentum=0.9), epochs=5),
    Pair("digits, conv, Adam", lambda: _digits(False), _conv(8, 16), lambda r: K.Adam(r), epochs=8),
    Pair("digits on photos, conv BN, Adam", _photos, _conv(8, 16, norm=True),
         lambda r: optimizers.Adam(r), epochs=6),
    Pair("digits on photos, conv, Nesterov", _photos, _conv(8, 16),
         lambda r: K.SGD(r, 0.9, nesterov=True), epochs=8),
    Pair("classification, 2 hidden, RMSprop",
         lambda: _classes(*_generated(2000, 20, n_informative=8, n_classes=4, flip_y=0.1,
                                      random_state=1)),
         _dense(32, 32), lambda r: K.RMSprop(r), epochs=6),
    Pair("moons, 2 hidden tanh, SGD",
         lambda: _classes(*datasets.make_moons(1000, noise=0.3, random_state=2)),
         _dense(16, 16, activation="tanh", start="glorot_uniform"), lambda r: K.SGD(r), epochs=10),
    Pair("Friedman 1, 2 hidden, Adam",
         lambda: _values(*datasets.make_friedman1(1500, noise=1.0, random_state=3)),
         _dense(32, 32), lambda r: K.Adam(r), epochs=10),
    Pair("Friedman 3, 1 hidden, momentum",
         lambda: _values(*datasets.make_friedman3(1500, noise=0.1, random_state=4)),
         _dense(32), lambda r: K.SGD(r, 0.9), epochs=10),
    Pair("Gaussian quantiles, 4 hidden, Lookahead of Adam",
         lambda: _classes(*datasets.make_gaussian_quantiles(
             n_samples=2000, n_features=6, n_classes=3, random_state=5)),
         _dense(24, 24, 24, 24), lambda r: optimizers.Lookahead(optimizers.Adam(r)), epochs=6),
]  # fmt: skip

DEVELOPMENT = [
    Pair("digits, linear, SGD", _digits, _dense(), lambda r: K.SGD(r), epochs=8),
    Pair("digits, 2 hidden, Adam", _digits, _dense(32, 32), lambda r: K.Adam(r), epochs=6),
    Pair("digits, 5 hidden tanh, momentum", _digits,
         _dense(32, 32, 32, 32, 32, activation="tanh", start="glorot_uniform"),
         lambda r: K.SGD(r, 0.9), epochs=5),
    Pair("digits, conv BN, SGD", lambda: _digits(False), _conv(8, 16, norm=True),
         lambda r: K.SGD(r), epochs=6),
    Pair("digits, 2 hidden dropout, RMSprop", _digits, _dense(48, 48, dropout=0.3),
         lambda r: K.RMSprop(r), epochs=8),
    Pair("digits on photos, dense BN, momentum", _photos, lambda: [layers.Flatten(),
         *_dense(48, 48, norm=True)()], lambda r: K.SGD(r, 0.9), epochs=6),
    Pair("digits on photos, 3 conv, AdaBelief", _photos, _conv(8, 8, 16),
         lambda r: optimizers.AdaBelief(r, epsilon=1e-8), epochs=10),
    Pair("classification of 2, 1 hidden, SGD",
         lambda: _classes(*_generated(1000, 10, n_informative=5, flip_y=0.15, random_state=11)),
         _dense(16), lambda r: K.SGD(r), epochs=10),
    Pair("classification of 5, 3 hidden BN, AdamW",
         lambda: _classes(*_generated(3000, 20, n_informative=10, n_classes=5, flip_y=0.1,
                                      random_state=12)),
         _dense(32, 32, 32, norm=True), lambda r: K.AdamW(r), epochs=4, batch=64),
    Pair("classification of 3, 2 hidden, Adagrad",
         lambda: _classes(*_generated(1500, 12, n_informative=6, n_classes=3, flip_y=0.1,
                                      random_state=13)),
         _dense(24, 24), lambda r: optimizers.Adagrad(r), epochs=8),
    Pair("circles, 2 hidden, Adam",
         lambda: _classes(*datasets.make_circles(1000, noise=0.2, factor=0.5, random_state=14)),
         _dense(16, 16), lambda r: optimizers.Adam(r), epochs=10),
    Pair("moons, 3 hidden, momentum",
         lambda: _classes(*datasets.make_moons(1500, noise=0.35, random_state=15)),
         _dense(16, 16, 16), lambda r: optimizers.SGD(r, momentum=0.9), epochs=6),
    Pair("blobs, 1 hidden, LAMB",
         lambda: _classes(*datasets.make_blobs(1500, 6, centers=8, cluster_std=4.5,
                                               random_state=16)),
         _dense(24), lambda r: optimizers.LAMB(r), epochs=8),
    Pair("Friedman 1, 1 hidden, SGD",
         lambda: _values(*datasets.make_friedman1(1200, noise=1.5, random_state=17)),
         _dense(32), lambda r: K.SGD(r), epochs=12),
    Pair("Friedman 2, 3 hidden BN, Adam",
         lambda: _values(*datasets.make_friedman2(1500, random_state=18), noise=0.3),
         _dense(24, 24, 24, norm=True), lambda r: K.Adam(r), epochs=8),
    Pair("diabetes, 1 hidden, momentum",
         lambda: _values(*datasets.load_diabetes(return_X_y=True)),
         _dense(16), lambda r: K.SGD(r, 0.9), epochs=10, batch=16),
    Pair("linear regression, SGD",
         lambda: _values(*datasets.make_regression(800, 20, n_informative=10, random_state=19),
                         noise=0.5),
         _dense(), lambda r: K.SGD(r), epochs=10),
    Pair("swiss roll, 3 hidden, RMSprop",
         lambda: _values(*datasets.make_swiss_roll(1500, random_state=20), noise=0.3),
         _dense(32, 32, 32), lambda r: optimizers.RMSprop(r), epochs=10),
    Pair("breast cancer, 2 hidden, Nesterov",
         lambda: _noisy(*datasets.load_breast_cancer(return_X_y=True), 2),
         _dense(16, 16), lambda r: K.SGD(r, 0.9, nesterov=True), epochs=6, batch=16),
    Pair("digits with wrong labels, 2 hidden, Adam", lambda: _noisy(*_digits(), 10, 0.2),
         _dense(48, 48), lambda r: K.Adam(r), epochs=4),
]  # fmt: skip
