"""A model whose optimizer averages, and the average by hand."""

import keras
import numpy as np

from keras_trainkit.optimizers import SGD, SWA, Adam, MovingAverage

RNG = np.random.default_rng(3)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = RNG.normal(size=(8, 1)).astype("float32")

OPTIMIZERS = {
    "moving average": lambda: MovingAverage(SGD(0.1), 0.7),
    "SWA": lambda: SWA(Adam(0.1), start_averaging=2, average_period=1),
    "Keras' average": lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7),
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        MovingAverage(SGD(0.1), 0.7), initial_scale=2.0
    ),
}


def model_of(optimizer, dtype="float32"):
    """One weight matrix, and one step an epoch."""
    inputs = keras.Input((3,), dtype=dtype)
    layer = keras.layers.Dense(1, use_bias=False, dtype=dtype)
    model = keras.Model(inputs, layer(inputs))
    model.compile(OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer, "mse")
    return model


def weights(model):
    return keras.ops.convert_to_numpy(keras.ops.cast(model.trainable_variables[0], "float32"))


def average(trajectory, optimizer):
    """Of the weights after each step."""
    trajectory = [np.asarray(w, "float64") for w in trajectory]
    if optimizer == "SWA":
        return np.mean(trajectory[1:] if len(trajectory) > 1 else trajectory, axis=0)
    mean = trajectory[0]
    for w in trajectory[1:]:
        mean = 0.7 * mean + 0.3 * w
    return mean


class Trajectory(keras.callbacks.Callback):
    """The weights in training after each epoch, and those seen at other moments."""

    def __init__(self):
        super().__init__()
        self.after_step = []
        self.tested = []
        self.at_epoch_end = []

    def on_train_batch_end(self, batch, logs=None):
        self.after_step.append(weights(self.model))

    def on_test_batch_end(self, batch, logs=None):
        self.tested.append(weights(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.at_epoch_end.append(weights(self.model))


def fit(model, callbacks, epochs=4, **arguments):
    given = {"validation_data": (X, Y), "batch_size": 8, "verbose": 0, "shuffle": False}
    arguments = {**given, **arguments}
    return model.fit(X, Y, epochs=epochs, callbacks=callbacks, **arguments)
