import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from torch_like_events import write_events
from trial_folders import write_columns, write_study, write_trial

from keras_trainkit.tuning.board.find_runs import find_runs


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run that Keras' own callbacks have kept, and what `fit` returned."""
    root = tmp_path_factory.mktemp("kept")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(64, 3))
    history = model.fit(
        x,
        (x[:, 0] > 0).astype(int),
        validation_split=0.5,
        epochs=4,
        verbose=0,
        callbacks=[
            keras.callbacks.CSVLogger(root / "logged.csv"),
            keras.callbacks.TensorBoard(root / "board", write_graph=False, update_freq=1),
        ],
    )
    return root, history.history


def test_csv_logger_and_tensorboard_tell_what_fit_returned(kept):
    root, history = kept
    runs, study, notes = find_runs([root])
    assert (study, notes) == ({}, [])
    curves = {run.name: dict(run.curves) for run in runs}
    assert set(curves) == {"logged", "board"}
    curves["board"].pop("learning_rate", None)
    for of in curves.values():
        assert set(of) == set(history)
        for name, values in history.items():
            np.testing.assert_allclose(of[name], values, rtol=1e-6)


def test_event_files_of_others(tmp_path):
    """Tags with a first part for the data, in one folder, as PyTorch's writer leaves them."""
    write_events(tmp_path / "run 1" / "events.out.tfevents.1.host", {
        "train/loss": [3.0, 2.0, 1.0],
        "val/loss": [3.5, 2.5, 1.5],
        "lr": [0.1, 0.1, 0.05],
    })  # fmt: skip
    (run,), _, _ = find_runs([tmp_path])
    assert run.name == "run 1"
    np.testing.assert_allclose(run.curves["loss"], [3, 2, 1])
    np.testing.assert_allclose(run.curves["val_loss"], [3.5, 2.5, 1.5])
    np.testing.assert_allclose(run.curves["lr"], [0.1, 0.1, 0.05], rtol=1e-6)


def test_an_event_file_that_is_being_written(tmp_path):
    path = tmp_path / "run" / "events.out.tfevents.1.host"
    write_events(path, {"loss": [3.0, 2.0, 1.0]})
    path.write_bytes(path.read_bytes()[:-5])
    (run,), _, _ = find_runs([tmp_path])
    np.testing.assert_allclose(run.curves["loss"], [3, 2])


def test_trials_come_with_all_that_is_known(tmp_path):
    write_study(tmp_path, 0, 0, name="my study")
    columns = write_trial(tmp_path, 3, 5)
    write_trial(tmp_path, 12, 5, state="failed", reason="`build` raised ValueError.", score=None)
    runs, study, notes = find_runs([tmp_path])
    assert study["name"] == "my study"
    assert not notes
    assert [run.name for run in runs] == ["coarse 3", "coarse 12"]
    first, second = runs
    for name in columns.keys() - {"epoch"}:
        np.testing.assert_allclose(first.curves[name], columns[name], rtol=1e-6)
    assert first.params["optimizer"] == "adam"
    assert first.score == columns["val_accuracy"].max()
    assert first.batches.shape == (2, 40)
    assert (second.state, second.reason) == ("failed", "`build` raised ValueError.")


def test_validation_every_other_epoch_stands_at_its_epochs(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.ones((4, 2), "float32")
    board = keras.callbacks.TensorBoard(tmp_path / "run")
    data = {"validation_data": (x, x[:, :1]), "validation_freq": 2}
    history = model.fit(x, x[:, :1], epochs=5, verbose=0, callbacks=[board], **data).history
    (run,), _, _ = find_runs([tmp_path])
    np.testing.assert_allclose(run.curves["loss"], history["loss"], rtol=1e-6)
    first, second = history["val_loss"]
    expected = [np.nan, first, np.nan, second, np.nan]
    np.testing.assert_allclose(run.curves["val_loss"], expected, rtol=1e-6)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_loggers_options(separator, tmp_path):
    """Any separator; a run that was resumed; one that diverged at once; a mark of the encoding."""

    def line(*cells):
        return separator.join(map(str, cells)) + "\n"

    text = line("epoch", "loss", "val_loss", "words", "none")
    text += "".join(line(epoch, 5 - epoch, "nan", "text", "NA") for epoch in range(5))
    text += "".join(line(epoch, 2 - epoch / 10, "nan", "text", "NA") for epoch in range(3, 8))
    (tmp_path / "log.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (run,), _, notes = find_runs([tmp_path])
    assert not notes
    np.testing.assert_allclose(run.curves["loss"], [5, 4, 3, 1.7, 1.6, 1.5, 1.4, 1.3])
    assert run.curves.keys() == {"loss", "val_loss"}
    assert np.isnan(run.curves["val_loss"]).all()


def test_nothing_stops_the_others(tmp_path):
    write_trial(tmp_path, 0, 3)
    (tmp_path / "wide.csv").write_text("epoch,loss\n0," + "1" * 200_000 + "\n")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "events.out.tfevents.1.gone").symlink_to(tmp_path / "nowhere")
    with tf.io.TFRecordWriter(str(tmp_path / "events.out.tfevents.1.other")) as writer:
        writer.write(b"\x0a\xff\xff")
    (tmp_path / "study.json").write_text('{"space": null}')
    runs, study, notes = find_runs([tmp_path])
    assert ([run.name for run in runs], study) == (["coarse 0"], {})
    words = (
        "is no table",
        "pipe.csv: is no file.",
        "gone: is no file.",
        "of another kind",
        "study's.",
    )
    for each in words:
        assert sum(each in note for note in notes) == 1, (each, notes)


def test_searches_of_one_step_are_called_by_their_folders(tmp_path):
    for folder, number in [("one/coarse", 3), ("one/refine-1", 4), ("two/coarse", 3)]:
        write_trial(tmp_path / folder, number, 2, step=folder.partition("/")[2][:6])
    runs, _, _ = find_runs([tmp_path])
    assert [run.name for run in runs] == ["one/coarse 3", "refine 4", "two/coarse 3"]
    assert [run.search for run in runs] == ["one/coarse", "refine", "two/coarse"]
    runs, _, _ = find_runs([tmp_path / "one", tmp_path / "two"])
    assert [run.name for run in runs] == ["one/coarse 3", "refine 4", "two/coarse 3"]
    runs, _, _ = find_runs([tmp_path / "one"])
    assert [run.name for run in runs] == ["coarse 3", "refine 4"]


def test_folds_are_averaged_over_the_epochs_that_all_have(tmp_path):
    write_trial(tmp_path, 0, 5)
    place = tmp_path / "trials" / "00000"
    (place / "curves.csv").unlink()
    write_columns(place / "curves-0.csv", {"epoch": [0, 1, 2], "loss": [3.0, 2.0, 1.0]})
    write_columns(place / "curves-1.csv", {"epoch": [0, 1], "loss": [5.0, 3.0]})
    (run,), _, _ = find_runs([tmp_path])
    np.testing.assert_allclose(run.curves["loss"], [4, 2.5])


def test_what_is_half_written_is_left_out_and_named(tmp_path):
    write_trial(tmp_path, 0, 5)
    write_trial(tmp_path, 1, 5)
    (tmp_path / "trials" / "00001" / "trial.json").write_text('{"number": 1, "par')
    (tmp_path / "trials" / "00002").mkdir()  # empty, and so nothing yet
    (tmp_path / "study.json").write_text("[1]")
    (tmp_path / "notes.csv").write_text("a line of words\n")
    (tmp_path / "being_written.csv").write_text("epoch,loss\n0,1.5\n1,0.75\n2,0.")
    runs, study, notes = find_runs([tmp_path])
    assert [run.name for run in runs] == ["being_written", "coarse 0"]
    np.testing.assert_allclose(runs[0].curves["loss"], [1.5, 0.75])
    assert study == {}
    assert len(notes) == 3
    for words in ("study.json: is not a JSON object.", "00001: is half-written or damaged.",
                  "notes.csv: has no column of numbers under a line of names."):  # fmt: skip
        assert any(words in note for note in notes), words


def test_runs_stand_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 100):
        write_columns(tmp_path / f"run {number}.csv", {"epoch": [0], "loss": [1.0]})
    assert [run.name for run in find_runs([tmp_path])[0]] == ["run 9", "run 10", "run 100"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="`write_board`: `runs` must be folders or files that are"):
        find_runs([tmp_path / "nowhere"])
