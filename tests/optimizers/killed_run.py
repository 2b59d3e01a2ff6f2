"""A training that is killed in a step, and the one that goes on from what it saved.

`test_killed_run.py` runs both, each in a process of its own: `killed_run.py begin FOLDER`, then
`killed_run.py go_on FOLDER`.
"""

import os
import signal
import sys

import cases
import keras
import numpy as np
from keras import ops
from optimizer_runs import fresh

BATCHES, SAVED_AFTER, KILLED_IN = 10, 5, 8
NEWTON = cases.NEWTON if keras.backend.backend() != "torch" else []
ROWS = {str(case): case for case in cases.OPTIMIZERS + cases.QUASI_NEWTON + cases.WRAPPERS + NEWTON}


def new(name):
    """A model with the row's optimizer, or the row's model round one, always the same."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    eagerly = keras.backend.backend() == "tensorflow"  # quick there
    if issubclass(ROWS[name].cls, keras.Model):
        model = fresh(ROWS[name], model=model)
        model.build((None, 4))
        model.compile(loss="mse", run_eagerly=eagerly)
    else:
        model.compile(fresh(ROWS[name]), "mse", run_eagerly=eagerly)
    return model


def train(model, begin=0, callbacks=()):
    """What is left of ten batches, and the weights that they lead to."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8 * BATCHES, 4)).astype("float32")
    y = np.sin(x.sum(axis=1, keepdims=True))
    rest = slice(8 * begin, None)
    model.fit(x[rest], y[rest], batch_size=8, shuffle=False, verbose=0, callbacks=list(callbacks))
    return [ops.convert_to_numpy(weight) for weight in model.weights]


class Save(keras.callbacks.Callback):
    """Saves after some batches, as one that saves now and then does."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        if batch == SAVED_AFTER - 1:
            self.model.save(f"{self.path}.keras")
            self.model.save_weights(f"{self.path}.weights.h5")


class Die(keras.callbacks.Callback):
    """Kills the process in a step: where its loss is computed, or, compiled, at its end."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == KILLED_IN - 1:
            keras.losses.MeanSquaredError.call = self.die

    def on_train_batch_end(self, batch, logs=None):
        if batch == KILLED_IN - 1:
            self.die()

    @staticmethod
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)


def begin(folder):
    """Trains and saves; ends in the middle of the last training."""
    for name in ROWS:
        callbacks = [Save(f"{folder}/{name}"), *([Die()] if name == list(ROWS)[-1] else [])]
        train(new(name), callbacks=callbacks)


def go_on(folder):
    """Goes on from each file, and writes the weights."""
    arrays = {}
    for name in ROWS:
        loaded = keras.models.load_model(f"{folder}/{name}.keras")
        other = new(name)
        other.load_weights(f"{folder}/{name}.weights.h5")
        assert not other.optimizer.built
        for kind, model in (("keras", loaded), ("weights", other)):
            for i, weight in enumerate(train(model, SAVED_AFTER)):
                arrays[f"{name}/{kind}/{i}"] = weight
    np.savez(f"{folder}/weights.npz", **arrays)


if __name__ == "__main__":
    {"begin": begin, "go_on": go_on}[sys.argv[1]](sys.argv[2])
