"""After training the best epoch is what is left, in the model and on disk."""

import contextlib
import os

import keras
import numpy as np
import pytest

from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks import best_snapshot
from keras_trainkit.callbacks._direction import direction

X = np.ones((4, 1), "float32")


class Scripted(keras.callbacks.Callback):
    """Sets the weight to the epoch's number and reports what the script says of it."""

    def __init__(self, script, name="val_accuracy"):
        super().__init__()
        self.script = script
        self.name = name

    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([np.full((1, 1), epoch, "float32")])
        if self.script[epoch] is KeyboardInterrupt:
            raise KeyboardInterrupt
        if self.script[epoch] is not None:
            logs[self.name] = self.script[epoch]


def run(snapshot, script, name="val_accuracy"):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    callbacks = [Scripted(script, name), *snapshot]
    history = model.fit(X, X, epochs=len(script), verbose=0, callbacks=callbacks)
    return model, len(history.epoch)


def weight(model):
    return model.get_weights()[0].item()


def weight_on_disk(path):
    return weight(keras.saving.load_model(path))


@pytest.mark.parametrize(
    ("monitor", "script", "best"),
    [
        ("val_accuracy", [0.1, 0.5, 0.4, 0.3, 0.45], 1),
        ("val_accuracy", [0.1, 0.5, 0.5, 0.3, 0.2], 1),
        ("val_accuracy", [0.5, 0.4, 0.3], 0),
        ("val_accuracy", [0.1, 0.2, 0.3], 2),
        ("val_loss", [0.9, 0.2, 0.4, 0.5], 1),
        ("val_loss", [float("nan"), 0.9, 0.2, float("nan")], 2),
        ("val_loss", [0.9, float("inf"), 0.2, float("nan")], 2),
        ("val_accuracy", [0.1, None, 0.3, None, 0.2], 2),
    ],
)
def test_the_model_and_the_file_hold_the_best_epoch(tmp_path, monitor, script, best):
    path = tmp_path / "runs" / "best.keras"
    with warnings_expected(None in script):
        model, epochs = run(best_snapshot(path, monitor), script, monitor)
    assert epochs == len(script)  # without a patience it trains to the end
    assert weight(model) == best
    assert weight_on_disk(path) == best
    assert os.listdir(path.parent) == ["best.keras"]


def warnings_expected(are):
    return (
        pytest.warns(UserWarning, match="reported no val_accuracy")
        if are
        else (contextlib.nullcontext())
    )


def test_patience_stops_and_restores(tmp_path):
    path = tmp_path / "best.keras"
    script = [0.1, 0.5, 0.4, 0.45, 0.6, 0.9]
    model, epochs = run(best_snapshot(path, patience=2), script)
    assert epochs == 4
    assert weight(model) == weight_on_disk(path) == 1


def test_ctrl_c_leaves_the_best_on_disk(tmp_path):
    path = tmp_path / "best.keras"
    with pytest.raises(KeyboardInterrupt):
        run(best_snapshot(path), [0.1, 0.5, 0.4, KeyboardInterrupt])
    assert weight_on_disk(path) == 1


def test_ctrl_c_while_saving_leaves_the_best_before(tmp_path, monkeypatch):
    path = tmp_path / "best.keras"
    save = keras.Model.save

    def interrupted(self, filepath, *arguments, **keywords):
        save(self, filepath, *arguments, **keywords)
        if weight(self) == 2:
            with open(filepath, "r+b") as file:
                file.truncate(100)
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.Sequential, "save", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        run(best_snapshot(path), [0.1, 0.5, 0.7])
    assert weight_on_disk(path) == 1
    assert os.listdir(tmp_path) == ["best.keras"]


def test_each_fit_searches_afresh(tmp_path):
    path = tmp_path / "best.keras"
    snapshot = best_snapshot(path)
    run(snapshot, [0.8, 0.9, 0.7])
    model, _ = run(snapshot, [0.1, 0.2, 0.3, 0.2])
    assert weight(model) == weight_on_disk(path) == 2


def test_weights_alone_and_a_path_with_braces(tmp_path):
    path = tmp_path / "{run}" / "best.weights.h5"
    model, _ = run(best_snapshot(str(path)), [0.1, 0.5, 0.4])
    model.set_weights([np.zeros((1, 1))])
    model.load_weights(path)
    assert weight(model) == 1


def test_a_monitor_that_nothing_reports_is_an_error(tmp_path):
    snapshot = best_snapshot(tmp_path / "best.keras", monitor="val_acc")
    with pytest.raises(ValueError, match=r"be one of what is logged \(loss, val_accuracy\), got"):
        run(snapshot, [0.5, 0.6])
    with pytest.raises(ValueError, match=r"be one of what is logged \(loss\), got 'accuracy'"):
        run(best_snapshot(tmp_path / "best.keras", monitor="accuracy"), [None])


def test_no_validation_data_is_said_once(tmp_path):
    with pytest.warns(UserWarning, match="reported no val_accuracy") as said:
        run(best_snapshot(tmp_path / "best.keras"), [None, None, None])
    # On torch, Keras' own saving warns too.
    assert len([one for one in said if "val_accuracy" in str(one.message)]) == 1


def test_they_are_keras_own_callbacks(tmp_path):
    checkpoint, stopping = best_snapshot(tmp_path / "best.keras")
    assert isinstance(checkpoint, keras.callbacks.ModelCheckpoint)
    assert isinstance(stopping, keras.callbacks.EarlyStopping)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"path": "best"}, "`path` must be a local file ending in .keras or .weights.h5"),
        ({"path": "gs://bucket/best.keras"}, "`path` must be a local file"),
        ({"monitor": "val_luck"}, "`monitor` must have a name that tells .* Pass mode='max'"),
        ({"mode": "up"}, "`mode` must be one of 'auto', 'min', 'max', got 'up'"),
        ({"patience": -1}, "`patience` must be a whole number of at least 0, got -1"),
        ({"patience": 1.5}, "`patience` must be a whole number"),
    ],
)
def test_bad_arguments_are_refused(arguments, rule):
    with pytest.raises(ValueError, match=f"^`best_snapshot`: {rule}"):
        best_snapshot(**{"path": "best.keras", **arguments})


def test_a_mode_that_is_said_is_taken(tmp_path):
    path = tmp_path / "best.keras"
    run(best_snapshot(path, monitor="luck", mode="max"), [0.1, 0.5, 0.4], "luck")
    assert weight_on_disk(path) == 1


def test_directions_agree_with_keras():
    needed = {
        "F1Score": {},
        "FBetaScore": {},
        "IoU": {"num_classes": 2, "target_class_ids": [0]},
        "MeanIoU": {"num_classes": 2},
        "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
        "OneHotMeanIoU": {"num_classes": 2},
    }
    known = 0
    for name, cls in vars(keras.metrics).items():
        if not isinstance(cls, type) or name in ("Metric", "MeanMetricWrapper"):
            continue
        try:
            metric = cls(**needed.get(name, {}))
        except TypeError:
            continue
        theirs = {"up": "max", "down": "min"}.get(getattr(metric, "_direction", None))
        if theirs:
            assert direction("test", "metric", f"val_{metric.name}", "auto") == theirs, name
            known += 1
    assert known >= 25


def test_a_whole_file_or_none(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as part:
        part.write_text("one")
        assert not path.exists()

    def interrupted():
        with whole_file(path) as part:
            part.write_text("tw")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with whole_file(path):
        pass  # nothing written, nothing replaced
    assert path.read_text() == "one"
    assert os.listdir(path.parent) == ["file.txt"]
