"""Training stops when its time is spent, by a clock that the test moves."""

import keras
import numpy as np
import pytest

from keras_trainkit.callbacks import TimeStopping, time_stopping

EAGERLY = keras.backend.backend() == "tensorflow"  # where that is faster for a few steps
X = np.ones((10, 1), "float32")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time_stopping.time, "monotonic", lambda: now[0])
    return now


class Ticks(keras.callbacks.Callback):
    """A second for each batch, ten for a validation."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.clock[0] += 1
        self.batches += 1

    def on_test_end(self, logs=None):
        self.clock[0] += 10


def fit(clock, epochs=4, **arguments):
    """Five batches an epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=EAGERLY)
    ticks, stopping = Ticks(clock), TimeStopping(**arguments)
    data = {"x": X, "y": X, "batch_size": 2, "validation_data": (X, X), "verbose": 0}
    history = model.fit(**data, epochs=epochs, callbacks=[ticks, stopping])
    return ticks.batches, stopping.stopped_epoch, history


@pytest.mark.parametrize(
    ("arguments", "batches", "stopped"),
    [
        ({"seconds": 0}, 1, 0),
        ({"seconds": 3.5}, 4, 0),  # in the middle of an epoch
        ({"seconds": 5}, 5, 0),
        ({"seconds": 12}, 5, 0),  # in the validation: the next epoch does not begin
        ({"seconds": 17}, 7, 1),
        ({"seconds": 3.5, "at": "epoch"}, 5, 0),
        ({"seconds": 17, "at": "epoch"}, 10, 1),
        ({"seconds": 55}, 20, None),  # in the last validation, which ends by itself
        ({"seconds": 60}, 20, None),
        ({}, 20, None),
    ],
)
def test_where_training_stops(clock, arguments, batches, stopped):
    found, epoch, history = fit(clock, **arguments)
    assert (found, epoch) == (batches, stopped)
    epochs = -(-batches // 5)
    assert history.epoch == list(range(epochs))
    names = {"loss", "mae", "val_loss", "val_mae"}
    assert {name: len(values) for name, values in history.history.items()} == dict.fromkeys(
        names, epochs
    )


def test_each_fit_has_the_whole_time(clock, capsys):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    ticks, stopping = Ticks(clock), TimeStopping(7, verbose=1)
    for _ in range(2):
        model.fit(X, X, batch_size=2, epochs=9, verbose=0, callbacks=[ticks, stopping])
        said = capsys.readouterr().out.strip()
        assert said == "Stopped in epoch 2: the time of 0:00:07 is spent."
    assert ticks.batches == 14
    model.fit(X, X, batch_size=2, verbose=0, callbacks=[ticks, stopping])
    assert stopping.stopped_epoch is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"seconds": -1}, "`seconds` must be a finite number at least 0, got -1"),
        ({"seconds": "a day"}, "`seconds` must be a finite number"),
        ({"at": "once"}, "`at` must be one of 'batch', 'epoch', got 'once'"),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=f"^`TimeStopping`: {sentence}"):
        TimeStopping(**arguments)
