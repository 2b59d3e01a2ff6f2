"""The logged rate is the one that moved the weights."""

import csv

import keras
import numpy as np
import pytest

from keras_trainkit import schedules
from keras_trainkit.callbacks import LearningRateLogger
from keras_trainkit.callbacks.learning_rate_logger import last_learning_rate

X = np.ones((6, 1), "float32")
RATES = {
    "a number": (0.25, lambda step: 0.25),
    "Keras' schedule": (
        keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1.0),
        lambda step: 0.1 / (1 + step),
    ),
    "a schedule of ours": (
        schedules.LinearDecay(0.1, 100),
        lambda step: 0.1 * (1 - step / 100),
    ),
    "with warm-up": (
        schedules.Warmup(schedules.Constant(0.1), 50),
        lambda step: 0.1 * step / 50,
    ),
}


def train(optimizer, callbacks, epochs=3):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model.fit(X, X, batch_size=2, epochs=epochs, verbose=0, callbacks=callbacks)


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "loss scale"])
@pytest.mark.parametrize("name", RATES)
def test_the_rate_of_the_last_step_of_each_epoch(name, wrapped):
    rate, formula = RATES[name]
    optimizer = keras.optimizers.SGD(rate)
    if wrapped:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    history = train(optimizer, [LearningRateLogger()]).history
    expected = [formula(step) for step in (2, 5, 8)]  # three steps an epoch, counted from 0
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-6)
    assert int(optimizer.iterations) == 9  # looking moved nothing


def test_the_rate_is_the_one_that_moved_the_weights():
    # A gradient of 1 makes each step as long as its rate.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(schedules.LinearDecay(0.1, 10)), lambda y, p: p)
    weights = []

    class Weight(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights.append(self.model.get_weights()[0].item())

    callbacks = [Weight(), LearningRateLogger()]
    history = model.fit(X, X, batch_size=2, epochs=2, verbose=0, callbacks=callbacks)
    moved = -np.diff(weights)
    np.testing.assert_allclose(history.history["learning_rate"], moved[[1, 4]], rtol=1e-5)


def test_callbacks_after_it_see_the_rate(tmp_path):
    log = tmp_path / "log.csv"
    train(keras.optimizers.SGD(0.25), [LearningRateLogger(), keras.callbacks.CSVLogger(str(log))])
    with open(log) as file:
        assert [float(row["learning_rate"]) for row in csv.DictReader(file)] == [0.25] * 3


@pytest.mark.parametrize("first", [True, False])
def test_a_rate_changed_for_the_next_epoch_is_not_this_epochs(first):
    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = 1.0

    reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)
    pair = [reduce, LearningRateLogger()]
    history = train(keras.optimizers.SGD(0.4), [Worse(), *(pair if first else pair[::-1])], 4)
    np.testing.assert_allclose(history.history["learning_rate"], [0.4, 0.4, 0.2, 0.1])


def test_before_any_step_it_is_the_first_rate():
    optimizer = keras.optimizers.SGD(schedules.LinearDecay(0.1, 10))
    assert last_learning_rate(optimizer) == pytest.approx(0.1)
