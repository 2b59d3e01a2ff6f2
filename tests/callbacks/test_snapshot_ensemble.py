"""One snapshot at the end of each cycle, whatever the epochs are."""

import os
from itertools import takewhile

import keras
import numpy as np
import pytest

from keras_trainkit.callbacks import SnapshotEnsemble
from keras_trainkit.callbacks._cycle_ends import cycle_ends
from keras_trainkit.optimizers import SWA
from keras_trainkit.schedules import CosineDecay, Cyclical, Join, WarmRestarts, Warmup

EAGERLY = keras.backend.backend() == "tensorflow"  # where that is faster for a few steps
X = np.linspace(-1, 1, 10, dtype="float32")[:, None]  # five batches an epoch


def restarts(steps=4, growth=1):
    return WarmRestarts(CosineDecay(0.1, steps), steps, growth)


def model_of(rate, wrap=lambda optimizer: optimizer, **arguments):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(wrap(keras.optimizers.SGD(rate)), "mse", **{"run_eagerly": EAGERLY, **arguments})
    return model


class Weights(keras.callbacks.Callback):
    """The weight after each step; may die after one."""

    def __init__(self, dies_after=None):
        super().__init__()
        self.after = {}
        self.dies_after = dies_after

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        self.after[step] = self.model.get_weights()[0].item()
        if step == self.dies_after:
            raise KeyboardInterrupt


def fit(model, callbacks, epochs=3, **arguments):
    model.fit(X, 2 * X, batch_size=2, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)


def steps_of(snapshots):
    return [int(os.path.basename(path)[9:-6]) for path in snapshots.paths]


@pytest.mark.parametrize(
    ("schedule", "begin", "other_rises"),
    [
        (restarts(4), 1, set()),
        (restarts(3, growth=2), 1, set()),
        (Warmup(restarts(6), 3), 4, set()),
        (Warmup(restarts(6), 5, shift=True), 6, set()),
        # to the second piece, and to the third, which cuts a cycle short
        (Join([(0.05, 7), (restarts(5), 17), (restarts(8), 40)]), 1, {7, 24}),
        (Warmup(Join([(restarts(5), 10), (0.1, 10)]), 2, shift=True), 3, set()),
    ],
    ids=str,
)
def test_cycles_end_where_the_rate_goes_up_again(schedule, begin, other_rises):
    rates = [float(schedule(step)) for step in range(60)]
    rises = {step for step in range(begin, 60) if rates[step] > rates[step - 1]}
    ends = list(takewhile(lambda end: end < 60, cycle_ends(schedule)))
    assert ends == sorted(rises - other_rises)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda optimizer: optimizer,
        lambda optimizer: SWA(optimizer),
        lambda optimizer: keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0),
    ],
    ids=["plain", "SWA", "loss scale"],
)
def test_each_holds_the_weights_of_the_end_of_its_cycle(tmp_path, wrap):
    snapshots, seen = SnapshotEnsemble(tmp_path / "new"), Weights()
    fit(model_of(restarts(4), wrap), [snapshots, seen])
    assert steps_of(snapshots) == [4, 8, 12]  # of 15: in the middle of epochs, and no last part
    assert [os.path.dirname(path) for path in snapshots.paths] == [str(tmp_path / "new")] * 3
    for step, path in zip((4, 8, 12), snapshots.paths, strict=True):
        assert keras.saving.load_model(path).get_weights()[0].item() == seen.after[step]


def test_growing_cycles_that_end_with_epochs(tmp_path, capsys):
    snapshots = SnapshotEnsemble(tmp_path, verbose=1)
    fit(model_of(restarts(5, growth=2)), [snapshots])
    assert steps_of(snapshots) == [5, 15]
    assert (
        capsys.readouterr().out.splitlines()[1] == f"Snapshot after step 15: {snapshots.paths[1]}"
    )


def test_the_last_ones(tmp_path):
    snapshots = SnapshotEnsemble(tmp_path, last=2)
    (tmp_path / "snapshot-mine.keras").write_text("somebody else's")
    fit(model_of(restarts(3)), [snapshots])
    assert steps_of(snapshots) == [12, 15]
    assert len(os.listdir(tmp_path)) == 3


def test_cycles_of_another_schedule_are_asked_for(tmp_path):
    model = model_of(Cyclical(0.01, 0.1, 3))
    with pytest.raises(ValueError, match=r"^`SnapshotEnsemble`: `model` must .* a `WarmRestarts`"):
        fit(model, [SnapshotEnsemble(tmp_path)])
    snapshots = SnapshotEnsemble(tmp_path, cycle_steps=6)
    fit(model, [snapshots])
    assert steps_of(snapshots) == [6, 12]


class Unknown(keras.optimizers.schedules.LearningRateSchedule):
    """Not registered."""

    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    "rate", [0.1, CosineDecay(0.1, 10), Unknown()], ids=["number", "ours", "?"]
)
def test_no_restarts_is_a_sentence(tmp_path, rate):
    with pytest.raises(ValueError, match=r"got 'SGD'. Or give `cycle_steps`\.$"):
        fit(model_of(rate), [SnapshotEnsemble(tmp_path)])


def test_a_run_that_was_killed_goes_on(tmp_path):
    def run(dies_after):
        model = model_of(restarts(4))
        model.set_weights([np.zeros((1, 1))])
        snapshots, seen = SnapshotEnsemble(tmp_path / "snapshots"), Weights(dies_after)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        callbacks = [snapshots, backup, seen]
        if dies_after:
            with pytest.raises(KeyboardInterrupt):
                fit(model, callbacks, shuffle=False)
        else:
            fit(model, callbacks, shuffle=False)
        return snapshots, seen

    first, _ = run(dies_after=9)
    assert steps_of(first) == [4, 8]  # the backup is of step 5
    stamps = [os.stat(path).st_mtime_ns for path in first.paths]
    again, seen = run(dies_after=7)  # 8 is in the folder, and lies ahead
    assert min(seen.after) == 6
    assert steps_of(again) == [4]
    assert steps_of(SnapshotEnsemble(tmp_path / "snapshots")) == [4, 8]
    last, seen = run(dies_after=None)
    assert steps_of(last) == [4, 8, 12]
    assert os.stat(last.paths[0]).st_mtime_ns == stamps[0]
    assert os.stat(last.paths[1]).st_mtime_ns > stamps[1]
    for path, step in zip(last.paths[1:], (8, 12), strict=True):
        assert keras.saving.load_model(path).get_weights()[0].item() == seen.after[step]


def test_a_snapshot_that_a_kill_came_before_is_made_up_for(tmp_path):
    model = model_of(restarts(4))
    fit(model, [], epochs=1, steps_per_epoch=4)
    snapshots = SnapshotEnsemble(tmp_path)
    before = model.get_weights()[0].item()
    fit(model, [snapshots], epochs=1)
    assert steps_of(snapshots) == [4, 8]
    assert keras.saving.load_model(snapshots.paths[0]).get_weights()[0].item() == before


def test_ctrl_c_while_saving_leaves_whole_files(tmp_path, monkeypatch):
    model = model_of(restarts(4))
    save = keras.Sequential.save

    def interrupted(self, filepath, *arguments, **keywords):
        save(self, filepath, *arguments, **keywords)
        if int(self.optimizer.iterations) == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.Sequential, "save", interrupted)
    snapshots = SnapshotEnsemble(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [snapshots])
    assert os.listdir(tmp_path) == ["snapshot-000000004.keras"]


def test_executions_that_run_past_the_end_of_a_cycle_are_said(tmp_path):
    if keras.backend.backend() == "torch":
        pytest.skip("Keras takes no several steps at once with torch")
    snapshots = SnapshotEnsemble(tmp_path)
    with pytest.warns(UserWarning, match="comes 2 steps after its cycle") as said:
        fit(model_of(restarts(3), steps_per_execution=5, run_eagerly=False), [snapshots])
    assert len([w for w in said if "SnapshotEnsemble" in str(w.message)]) == 1
    assert steps_of(snapshots) == [5, 10, 15]


def test_the_state_is_read_only_where_a_cycle_ends(tmp_path):
    """On JAX a look at the model in the middle of an epoch copies all of its state."""
    snapshots, looks = SnapshotEnsemble(tmp_path), []

    class Watched(SnapshotEnsemble):
        @property
        def model(self):
            looks.append(1)
            return self._model

    snapshots = Watched(tmp_path, cycle_steps=100)
    fit(model_of(0.1), [snapshots])
    assert len(looks) <= 4  # once an epoch, not fifteen times


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"directory": "gs://bucket/run"}, "`directory` must be a folder on a local disk"),
        ({"directory": __file__}, "`directory` must be a folder on a local disk"),
        ({"cycle_steps": 0}, "`cycle_steps` must be a whole number of at least 1, got 0"),
        ({"last": 0}, "`last` must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=f"^`SnapshotEnsemble`: {sentence}"):
        SnapshotEnsemble(**{"directory": "snapshots", **arguments})
