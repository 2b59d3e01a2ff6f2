"""What is on disk is the average, and the model is as if nothing had been saved."""

import os

import keras
import numpy as np
import pytest
from averaging_models import (
    OPTIMIZERS,
    Trajectory,
    X,
    Y,
    average,
    fit,
    model_of,
    weights,
)

from keras_trainkit.callbacks import AverageModelCheckpoint, SwapAverages


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_file_holds_the_average_of_its_epoch(tmp_path, optimizer):
    model = model_of(optimizer)
    trajectory = Trajectory()
    checkpoint = AverageModelCheckpoint(
        False, tmp_path / "new" / "{epoch}.weights.h5", save_weights_only=True
    )
    fit(model, [checkpoint, trajectory])
    np.testing.assert_array_equal(trajectory.at_epoch_end, trajectory.after_step)
    assert sorted(os.listdir(tmp_path / "new")) == [f"{n}.weights.h5" for n in (1, 2, 3, 4)]
    for epoch in (1, 2, 4):
        model.load_weights(tmp_path / "new" / f"{epoch}.weights.h5")
        expected = average(trajectory.after_step[:epoch], optimizer)
        np.testing.assert_allclose(weights(model), expected, atol=1e-6)


def test_training_goes_on_from_the_averages_where_asked(tmp_path):
    trajectory = Trajectory()
    path = tmp_path / "model.keras"
    model = model_of("moving average")
    fit(model, [AverageModelCheckpoint(True, path), trajectory], epochs=3)
    saved = []
    for epoch, after in enumerate(trajectory.after_step):
        saved.append(after if not epoch else 0.7 * saved[-1] + 0.3 * after)
        np.testing.assert_allclose(trajectory.at_epoch_end[epoch], saved[-1], atol=1e-6)
    first = saved[0] - 0.1 * 2 * X.T @ (X @ saved[0] - Y) / 8
    np.testing.assert_allclose(trajectory.after_step[1], first, atol=1e-6)
    np.testing.assert_allclose(weights(keras.saving.load_model(path)), saved[-1], atol=1e-6)


def test_the_best_is_kept(tmp_path):
    path = tmp_path / "best.keras"
    script = iter([0.5, 0.9, 0.7])

    class Scripted(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_accuracy"] = next(script)

    trajectory = Trajectory()
    checkpoint = AverageModelCheckpoint(False, path, "val_accuracy", save_best_only=True)
    fit(model_of("SWA"), [Scripted(), SwapAverages(), checkpoint, trajectory], epochs=3)
    best = weights(keras.saving.load_model(path))
    np.testing.assert_allclose(best, average(trajectory.after_step[:2], "SWA"), atol=1e-6)
    assert os.listdir(tmp_path) == ["best.keras"]


def test_after_so_many_batches(tmp_path):
    trajectory = Trajectory()
    checkpoint = AverageModelCheckpoint(False, tmp_path / "{epoch}-{batch}.keras", save_freq=3)
    fit(model_of("moving average"), [trajectory, checkpoint], epochs=1, batch_size=2)
    (name,) = os.listdir(tmp_path)
    assert name == "1-3.keras"
    expected = average(trajectory.after_step[:3], "moving average")
    np.testing.assert_allclose(
        weights(keras.saving.load_model(tmp_path / name)), expected, atol=1e-6
    )


def test_ctrl_c_while_saving_leaves_the_file_before_and_the_weights(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = model_of("moving average")
    trajectory = Trajectory()
    save = keras.Model.save

    def interrupted(self, filepath, *arguments, **keywords):
        save(self, filepath, *arguments, **keywords)
        if len(trajectory.after_step) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [trajectory, AverageModelCheckpoint(False, path)])
    if keras.backend.backend() != "jax":  # whose `fit` ends with the averages even then
        np.testing.assert_array_equal(weights(model), trajectory.after_step[1])
    np.testing.assert_array_equal(weights(keras.saving.load_model(path)), trajectory.after_step[0])
    assert os.listdir(tmp_path) == ["model.keras"]


def test_what_is_refused(tmp_path):
    for arguments, sentence in [
        ({"update_weights": "no"}, "`update_weights` must be True or False, got 'no'"),
        ({"filepath": "gs://bucket/a.keras"}, "`filepath` must be on a local disk"),
        ({"monitor": "luck", "save_best_only": True}, "`monitor` must have a name that tells"),
    ]:
        with pytest.raises(ValueError, match=f"^`AverageModelCheckpoint`: {sentence}"):
            AverageModelCheckpoint(**{"update_weights": False, "filepath": "a.keras", **arguments})
    with pytest.raises(ValueError, match="must be compiled with an optimizer that averages"):
        fit(model_of(keras.optimizers.SGD()), [AverageModelCheckpoint(False, "a.keras")])
