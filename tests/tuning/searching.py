"""A problem so small that a trial takes a quarter of a second."""

import keras
import numpy as np

from keras_trainkit import tuning

SPACE = {"learning_rate": tuning.LogUniform(1e-3, 1.0), "l2": tuning.Choice([0.0, 1e-4])}


def build(params):
    """A straight line through 64 points."""
    penalty = keras.regularizers.L2(params.get("l2", 0.0))
    line = keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((2,)), line])
    optimizer = keras.optimizers.SGD(params["learning_rate"])
    model.compile(optimizer, "mse", metrics=["mae"], run_eagerly=True)
    return model


def data(rows=64):
    x = np.random.default_rng(0).normal(size=(rows, 2)).astype("float32")
    return x, x.sum(1)


def search(output, build=build, space=SPACE, data=data, **options):
    """`coarse_search` with a loss to be low, two epochs and no progress bar."""
    options = {"epochs": 2, "metric": "val_loss", "verbose": 0, "pruner": None, **options}
    return tuning.coarse_search(build, data(), space, output=output, **options)
