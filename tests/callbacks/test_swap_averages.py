"""Averages where the model is looked at, the weights in training where it trains."""

import contextlib
import gc

import keras
import numpy as np
import pytest
from averaging_models import (
    OPTIMIZERS,
    RNG,
    Trajectory,
    X,
    Y,
    average,
    fit,
    model_of,
    weights,
)

from keras_trainkit.callbacks import SwapAverages
from keras_trainkit.optimizers import SGD, MovingAverage


def loss(w):
    return np.mean((X @ w - Y) ** 2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_savers_see_averages_training_does_not(optimizer):
    bare, swapped = Trajectory(), Trajectory()
    model = model_of(optimizer)
    start = model.get_weights()
    fit(model, [bare])
    ended = weights(model)
    model = model_of(optimizer)
    model.set_weights(start)
    history = fit(model, [SwapAverages(), swapped]).history
    np.testing.assert_array_equal(swapped.after_step, bare.after_step)
    averages = [average(bare.after_step[: n + 1], optimizer) for n in range(4)]
    np.testing.assert_allclose(swapped.tested, averages, atol=1e-6)
    np.testing.assert_allclose(swapped.at_epoch_end, averages, atol=1e-6)
    np.testing.assert_allclose(history["val_loss"], [loss(w) for w in averages], rtol=1e-4)
    np.testing.assert_array_equal(weights(model), ended)  # `fit` ends with the averages


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("use", ["evaluate", "predict"])
def test_one_evaluation_or_prediction(use, optimizer):
    """Keras' `SwapEMAWeights` leaves the averages in the model after `predict`."""
    model = model_of(optimizer)
    trajectory = Trajectory()
    for _ in range(3):
        fit_one_step(model, trajectory)
    before = weights(model)
    expected = average(trajectory.after_step, optimizer)
    for swap in [SwapAverages()] * 2:  # what is given back can be swapped again
        if use == "evaluate":
            found = model.evaluate(X, Y, verbose=0, callbacks=[swap])
            np.testing.assert_allclose(found, loss(expected), rtol=1e-4)
        else:
            found = model.predict(X, verbose=0, callbacks=[swap])
            np.testing.assert_allclose(found, X @ expected, atol=1e-5)
        np.testing.assert_array_equal(weights(model), before)


def fit_one_step(model, trajectory):
    """`train_on_batch` does not put the averages into the model, `fit` does."""
    model.train_on_batch(X, Y)
    trajectory.after_step.append(weights(model))


def test_what_rounding_cut_off_comes_back_too():
    model = model_of(MovingAverage(SGD(0.01), 0.7), "bfloat16")
    x, y = X.astype("float32"), Y.astype("float32")
    for _ in range(5):
        model.train_on_batch(x, y)
    before = [keras.ops.convert_to_numpy(v).copy() for v in state(model)]
    assert any(np.any(b) for v, b in zip(state(model), before, strict=True) if "resid" in v.name)
    model.evaluate(x, y, verbose=0, callbacks=[SwapAverages()])
    for variable, value in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def state(model):
    return [*model.trainable_variables, *model.optimizer.variables]


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of the second validation."""

    def __init__(self):
        super().__init__()
        self.tests = 0

    def on_test_batch_end(self, batch, logs=None):
        self.tests += 1
        if self.tests == 2:
            raise KeyboardInterrupt


def interrupted(model, swap):
    trajectory = Trajectory()
    with contextlib.suppress(KeyboardInterrupt):
        fit(model, [swap, trajectory, Interrupt()])
    return trajectory.after_step[-1]


def test_an_interrupt_gives_the_weights_back():
    # on JAX `fit` itself puts the averages in when it is interrupted: these come back as well
    model = model_of("moving average")
    training = interrupted(model, SwapAverages())
    gc.collect()
    np.testing.assert_array_equal(weights(model), training)


def test_an_interrupt_gives_them_back_when_used_again():
    model, swap = model_of("moving average"), SwapAverages()
    training = interrupted(model, swap)
    assert not np.array_equal(weights(model), training)
    trajectory = Trajectory()
    fit(model, [swap, trajectory], epochs=1)
    gradient = 2 * X.T @ (X @ training - Y) / 8
    np.testing.assert_allclose(trajectory.after_step[0], training - 0.1 * gradient, atol=1e-6)


def test_an_interrupt_gives_them_back_at_the_end_of_a_with_block():
    model = model_of("moving average")
    with SwapAverages() as swap:
        training = interrupted(model, swap)
    np.testing.assert_array_equal(weights(model), training)


def test_weights_put_in_meanwhile_are_not_overwritten():
    model, swap = model_of("moving average"), SwapAverages()
    interrupted(model, swap)
    mine = RNG.normal(size=(3, 1)).astype("float32")
    model.set_weights([mine])
    with swap:
        pass
    np.testing.assert_array_equal(weights(model), mine)


def test_training_that_went_on_meanwhile_is_not_overwritten():
    model, swap = model_of("moving average"), SwapAverages()
    interrupted(model, swap)
    fit(model, [], epochs=2)  # ends with averages in the model
    ended = weights(model)
    with swap:
        pass
    np.testing.assert_array_equal(weights(model), ended)


def test_before_there_is_an_average_the_model_is_as_it_is():
    for optimizer in ("Keras' average", "SWA"):
        model = model_of(optimizer)
        before = weights(model)
        found = model.evaluate(X, Y, verbose=0, callbacks=[SwapAverages()])
        assert found == pytest.approx(loss(before), rel=1e-5)


def test_an_optimizer_without_an_average_is_refused():
    model = model_of(keras.optimizers.SGD(0.1))
    sentence = (
        "`SwapAverages`: `model` must be compiled with an optimizer that averages the weights"
    )
    with pytest.raises(ValueError, match=f"^{sentence}, got 'SGD'. Wrap yours in"):
        fit(model, [SwapAverages()])
