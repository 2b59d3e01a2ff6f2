"""What is on the screen, or in the log file, of a training."""

import contextlib
import functools
import io
import re
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tqdm.auto

from keras_trainkit.callbacks import TQDMProgressBar, tqdm_progress_bar

X = np.zeros((10, 1), "float32")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    """A terminal that tqdm draws on."""
    terminal = Terminal()
    drawing = SimpleNamespace(tqdm=functools.partial(tqdm.auto.tqdm, file=terminal))
    monkeypatch.setattr(tqdm_progress_bar._tqdm, "_module", drawing)
    monkeypatch.setenv("COLUMNS", "200")
    yield terminal
    assert not tqdm.auto.tqdm._instances  # none is left open


def shown(screen):
    """All that was ever drawn, in order."""
    return [line.strip() for line in re.split(r"[\r\n]|\x1b\[A", screen.getvalue()) if line.strip()]


def model_of(**arguments):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], **{"run_eagerly": True, **arguments})
    return model


def fit(callbacks, model=None, epochs=2, **arguments):
    arguments = {"x": X, "y": X, "batch_size": 2, "validation_data": (X, X), **arguments}
    (model or model_of()).fit(epochs=epochs, callbacks=callbacks, **arguments)


def often():
    """Draws every batch."""
    return TQDMProgressBar(update_per_second=1e9)


def test_bars_of_the_training_the_epoch_and_the_validation(screen, capsys):
    fit([often()])
    lines = shown(screen)
    assert any(re.match(r"Training  50%\|.+\| 1/2 epochs, \S+ left$", line) for line in lines)
    for n in range(1, 6):
        pattern = rf"{n}/5 \|.+\| \S+ left - Epoch 2/2 - loss: 0.0000 - mae: 0.0000$"
        assert any(re.match(pattern, line) for line in lines)
    assert any(
        re.match(r"1 batches, \S+ - Validation - loss: 0.0000 - mae", line) for line in lines
    )
    whole = r"5/5 \|[█#]+\| 00:00 left - Epoch 2/2 - loss: .* - val_loss: 0.0000 - val_mae: 0.0000$"
    assert any(re.match(whole, line) for line in lines)
    assert lines[-1].startswith("Training 100%")
    assert capsys.readouterr().out == ""  # Keras' own bar stays away


def test_the_validation_of_the_second_epoch_knows_its_length(screen):
    fit([often()], validation_batch_size=2)
    lines = shown(screen)
    assert any(line.startswith("5/5 ") and "Validation" in line for line in lines)


def test_an_unknown_number_of_steps(screen):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, X)).filter(lambda x, y: True).batch(2)
    data = {"x": dataset, "y": None, "batch_size": None, "shuffle": False}
    with pytest.warns(UserWarning, match="ran out of data"):
        fit([often()], **data, validation_data=None)
    lines = shown(screen)
    for count in ("5 batches, .*Epoch 1/2", "4/5 .*Epoch 2/2", "5/5 .*Epoch 2/2"):
        assert any(re.match(count, line) for line in lines)


def test_evaluation_and_prediction(screen, capsys):
    model = model_of()
    model.evaluate(X, X, batch_size=2, callbacks=[often()])
    model.predict(X, batch_size=5, callbacks=[often()])
    lines = shown(screen)
    assert any(re.match(r"5/5 .*Evaluation - loss: 0.0000 - mae: 0.0000", line) for line in lines)
    assert any(re.match(r"2/2 .*Prediction$", line) for line in lines)
    assert capsys.readouterr().out == ""


def test_several_steps_at_once_do_not_count_too_far(screen):
    if keras.backend.backend() == "torch":
        pytest.skip("Keras takes no several steps at once with torch")
    fit(
        [often()],
        model_of(steps_per_execution=3, run_eagerly=False),
        epochs=1,
        validation_data=None,
    )
    drawn = [line.split()[0] for line in shown(screen) if "Epoch" in line]
    assert {"3/5", "5/5"} <= set(drawn) <= {"0/5", "3/5", "5/5"}


def test_bars_that_are_hidden_or_not_left(screen):
    fit([TQDMProgressBar(show_overall_progress=False, show_epoch_progress=False)])
    assert screen.getvalue() == ""
    fit([TQDMProgressBar(show_overall_progress=False, leave_epoch_progress=False)])
    assert all("Training" not in line for line in shown(screen))
    assert not screen.getvalue().split("\r")[-1].strip()


def test_it_is_drawn_seldom(screen, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(tqdm_progress_bar.time, "monotonic", lambda: clock[0])

    class Tick(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            clock[0] += 0.25

    fit([Tick(), TQDMProgressBar(update_per_second=2)], epochs=1, validation_data=None)
    drawn = {line.split()[0] for line in shown(screen) if "loss" in line}
    assert drawn == {"1/5", "3/5", "5/5"}


def test_a_log_file_gets_a_line_an_epoch(monkeypatch, capsys):
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    model = model_of()
    fit([often()], model)
    model.evaluate(X, X, callbacks=[often()])
    model.predict(X, callbacks=[often()])
    assert file.getvalue() == ""
    metrics = "loss: 0.0000 - mae: 0.0000"
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1/2 - {metrics} - val_loss: 0.0000 - val_mae: 0.0000",
        f"Epoch 2/2 - {metrics} - val_loss: 0.0000 - val_mae: 0.0000",
        f"Evaluation - {metrics}",
    ]


class Interrupt(keras.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupt_closes_the_bars(screen):
    with pytest.raises(KeyboardInterrupt) as interrupt:
        fit([often(), Interrupt()])
    del interrupt
    assert not tqdm.auto.tqdm._instances
    assert screen.getvalue().endswith("\n")


def test_after_an_interrupt_it_can_be_used_again(screen):
    bar = often()
    with contextlib.suppress(KeyboardInterrupt):
        fit([bar, Interrupt()])
    assert len(tqdm.auto.tqdm._instances) == 3
    model_of().evaluate(X, X, callbacks=[bar])  # no validation: the interrupted `fit` is over
    assert "Evaluation" in shown(screen)[-1]


def test_a_resumed_training_begins_where_it_was(screen):
    fit([often()], epochs=4, initial_epoch=3, validation_data=None)
    assert any(re.match(r"Training  75%\|.*\| 3/4 epochs", line) for line in shown(screen))


def test_without_tqdm_it_says_so_at_once(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(tqdm_progress_bar._tqdm, "_module", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'keras_trainkit\[progress\]'"):
        TQDMProgressBar()


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"^`TQDMProgressBar`: `update_per_second` must be .* above 0"
    ):
        TQDMProgressBar(update_per_second=0)
