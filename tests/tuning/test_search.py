import csv
import errno
import gc
import json
import logging
import os
import sys
import warnings

import keras
import numpy as np
import pytest
from searching import SPACE, build, data, search
from sklearn.model_selection import KFold

from keras_trainkit import tuning
from keras_trainkit.tuning.search import study
from keras_trainkit.tuning.search.trial_folder import TrialFolder


def trial_of(output, number):
    return json.loads((output / "trials" / f"{number:05d}" / "trial.json").read_text())


def test_a_search_keeps_what_fit_saw_and_the_best_snapshot(tmp_path):
    histories = []

    class Keep(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            histories.append(dict(self.model.history.history))

    result = search(tmp_path, trials=3, epochs=4, callbacks=lambda: [Keep()])
    assert [trial.number for trial in result.trials] == [0, 1, 2]
    assert {trial.state for trial in result.trials} == {"complete"}
    for trial, history in zip(result.trials, histories, strict=True):
        assert 1e-3 <= trial.params["learning_rate"] <= 1
        assert trial.params["l2"] in (0.0, 1e-4)
        assert trial.score == pytest.approx(min(history["val_loss"]))
        with (trial.folder / "curves.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
        for name, values in history.items():
            np.testing.assert_allclose([float(row[name]) for row in rows], values)
        assert float(rows[0]["learning_rate"]) == pytest.approx(trial.params["learning_rate"])
        kept = trial_of(tmp_path, trial.number)
        assert (kept["state"], kept["score"]) == ("complete", trial.score)
        assert kept["params"] == trial.params
    assert result.best.score == min(trial.score for trial in result.trials)
    assert f"The best val_loss is {result.best.score:.4g}" in result.verdict
    assert (tmp_path / "board.html").exists()

    # The snapshot is of the best epoch: judged again, it has the score.
    x, y = data()
    rows = np.arange(64)
    from sklearn.model_selection import ShuffleSplit

    _, validation = next(ShuffleSplit(1, test_size=0.2, random_state=0).split(rows))
    model = keras.models.load_model(result.best.folder / "best.keras")
    loss = model.evaluate(x[validation], y[validation], verbose=0)[0]
    assert loss == pytest.approx(result.best.score, rel=1e-5)


def test_the_points_are_those_of_the_seed_and_of_the_worker(tmp_path):
    drawn = {
        name: [trial.params["learning_rate"] for trial in search(tmp_path / name, **options).trials]
        for name, options in {
            "first": {"trials": 2},
            "again": {"trials": 2},
            "other seed": {"trials": 2, "seed": 1},
            "other worker": {"trials": 2, "worker": 1},
        }.items()
    }
    assert drawn["first"] == drawn["again"]
    assert len({*drawn["first"], *drawn["other seed"], *drawn["other worker"]}) == 6


def test_a_second_call_goes_on_where_the_first_ended(tmp_path):
    first = search(tmp_path, trials=2)
    second = search(tmp_path, trials=4)
    assert second.trials[:2] == first.trials
    assert len(second.trials) == 4
    assert len({trial.params["learning_rate"] for trial in second.trials}) == 4, "drawn anew"
    assert search(tmp_path, trials=4, build=_never).trials == second.trials


def _never(params):
    raise AssertionError("there was nothing left to do")


def test_what_the_users_code_does_wrong_is_the_trials_reason(tmp_path):
    def faulty(params):
        if params["kind"] == "raises":
            raise KeyError("no such thing")
        if params["kind"] == "uncompiled":
            return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        if params["kind"] == "no model":
            return None
        if params["kind"] == "shapes":
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
            model.compile("sgd", "mse", run_eagerly=True)
            return model
        return build({"learning_rate": 1e30 if params["kind"] == "nan" else 0.1})

    kinds = ["raises", "uncompiled", "no model", "shapes", "nan", "well"]
    space = {"kind": tuning.Choice(kinds)}
    result = search(tmp_path, faulty, space, trials=6, sampler="grid", epochs=3)
    reasons = {trial.params["kind"]: trial.reason for trial in result.trials}
    assert reasons["raises"] == "`build` raised KeyError: 'no such thing'"
    assert reasons["uncompiled"] == (
        "`build` must return a compiled keras.Model, got an uncompiled one."
    )
    assert reasons["no model"] == "`build` must return a compiled keras.Model, got NoneType."
    assert reasons["shapes"].startswith("Training raised ValueError: ")
    assert reasons["nan"].startswith("The loss or val_loss is not finite after epoch")
    assert reasons["well"] == ""
    assert result.best.params == {"kind": "well"}
    assert "6 trials, 5 failed." in result.verdict
    page = (tmp_path / "board.html").read_text()
    assert "no such thing" in page


def test_a_metric_that_nothing_reports_is_the_reason_too(tmp_path):
    result = search(tmp_path, trials=1, metric="val_accuracy")
    assert result.best is None
    assert "The metric 'val_accuracy' is not in the logs, which have" in result.verdict


def test_hopeless_trials_are_given_up_early(tmp_path):
    space = {"learning_rate": tuning.Choice([0.3, 0.29, 0.28, 0.27, 0.26, 1e-4])}
    result = search(tmp_path, space=space, trials=6, sampler="grid", epochs=4, pruner="median")
    last = next(trial for trial in result.trials if trial.params["learning_rate"] == 1e-4)
    begun_late = last.number == 5  # the first five are what the others are measured by
    assert (last.state == "pruned") == begun_late
    for trial in result.trials:
        lines = (trial.folder / "curves.csv").read_text().splitlines()
        assert (len(lines) == 5) == (trial.state == "complete")


def test_a_trial_leaves_no_graph_behind(tmp_path):
    def compiled(params):
        model = build(params)
        model.compile(keras.optimizers.SGD(params["learning_rate"]), "mse", jit_compile=False)
        return model

    def graphs():
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    search(tmp_path, compiled, trials=1)  # what is made once for all
    before = graphs()
    assert len(search(tmp_path, compiled, trials=3).trials) == 3
    assert graphs() <= before


def test_folds_are_scikit_learns_and_their_mean_is_the_score(tmp_path):
    seen = []

    def watched(params):
        seen.append(model := build(params))
        return model

    result = search(
        tmp_path, watched, {"learning_rate": tuning.Choice([0.1])}, trials=1, epochs=3,
        splits=4, validation_share=None,
    )  # fmt: skip
    (trial,) = result.trials
    x, y = data()
    expected = []
    for fold, (_, rows) in enumerate(KFold(4, shuffle=True, random_state=0).split(x)):
        model = keras.models.load_model(trial.folder / f"best-{fold}.keras")
        expected.append(model.evaluate(x[rows], y[rows], verbose=0)[0])
        assert (trial.folder / f"curves-{fold}.csv").exists()
    assert len(seen) == 4
    assert trial_of(tmp_path, 0)["folds"] == pytest.approx(expected, rel=1e-5)
    assert trial.score == pytest.approx(np.mean(expected), rel=1e-5)


def test_classes_are_split_class_by_class():
    from keras_trainkit.tuning.search.folds import Folds

    labels = np.repeat([0, 1, 2], [60, 30, 10])
    for share in (0.2, None):
        for _, (_, y) in Folds("search", (labels[:, None], labels), 5, share, seed=0):
            np.testing.assert_array_equal(np.bincount(y), [12, 6, 2])


@pytest.mark.parametrize(
    ("labels", "count", "share"),
    [
        (np.arange(40), 3, 0.2),  # whole numbers that are no classes
        (np.arange(40), 3, None),
        (np.repeat([0, 1], [38, 2]), 3, None),
        (np.repeat([0, 1], [39, 1]), 1, 0.2),
        (np.repeat([0, 1], 20), 1, 0.001),
    ],
)
def test_where_a_class_has_few_rows_they_are_split_without_classes(labels, count, share):
    from keras_trainkit.tuning.search.folds import Folds

    for (x, _), (rows, y) in Folds("search", (np.arange(40), labels), count, share, seed=0):
        assert sorted([*x, *rows]) == list(range(40))
        np.testing.assert_array_equal(y, labels[rows])
        assert len(rows) == 1 if share == 0.001 else 7 < len(rows) < 15


def test_several_inputs_and_labels_are_no_pair_of_data_sets():
    from keras_trainkit.tuning.search.folds import Folds

    x, y = data()
    for given in (({"a": x}, {"o": y}), ([x, x], y), ([x, x], y, np.ones(64))):
        ((train, validation),) = Folds("search", given, 1, 0.25, seed=0)
        for part, rows in ((train, 48), (validation, 16)):
            assert {len(leaf) for leaf in keras.tree.flatten(part)} == {rows}
            keras.tree.assert_same_structure(part, given)
    lists = (x.tolist(), y.tolist(), [1.0] * 64)
    ((train, _),) = Folds("search", lists, 1, 0.25, seed=0)
    assert [part.shape for part in train] == [(48, 2), (48,), (48,)]


def test_datasets_and_pairs_are_taken_as_they_are(tmp_path):
    import tensorflow as tf

    x, y = data()
    train = tf.data.Dataset.from_tensor_slices((x[:48], y[:48])).batch(16)
    validation = tf.data.Dataset.from_tensor_slices((x[48:], y[48:])).batch(16)
    for number, pair in enumerate([(train, validation), ((x[:48], y[:48]), (x[48:], y[48:]))]):
        result = search(tmp_path / str(number), data=lambda pair=pair: pair, trials=1)
        assert result.best is not None, result.verdict


def test_the_best_at_an_edge_is_said(tmp_path):
    space = {"learning_rate": tuning.LogUniform(1e-5, 1e-4)}
    result = search(tmp_path, space=space, trials=4, sampler="grid")
    assert result.best.params["learning_rate"] == pytest.approx(1e-4)
    assert "at the edge of the range of learning_rate: widen it" in result.verdict


def test_refining_trains_the_best_again_and_others_between_them(tmp_path):
    coarse = search(tmp_path / "coarse", trials=4)
    refined = tuning.refine_search(
        build, data(), coarse, best=2, trials=3, epochs=5, pruner=None, verbose=0
    )
    best = [trial.params for trial in coarse.best_trials(2)]
    assert [trial.params for trial in refined.trials[:2]] == best
    rates = [params["learning_rate"] for params in best]
    low, high = min(rates), max(rates)
    room = np.sqrt(high / low)
    assert low / room <= refined.trials[2].params["learning_rate"] <= high * room
    assert refined.output == tmp_path / "refine"
    assert refined.best.score < coarse.best.score


def test_a_study_with_another_space_is_refused(tmp_path):
    search(tmp_path, trials=1)
    with pytest.raises(ValueError, match="`coarse_search`: `space` must be that of the study 'co"):
        search(tmp_path, space={"learning_rate": tuning.LogUniform(1e-3, 2.0)}, trials=1)
    with pytest.raises(ValueError, match="`coarse_search`: `metric` must be that of the study"):
        search(tmp_path, metric="val_mae", trials=1)
    assert _where_a_study_is_refused(tmp_path, epochs=3) == "`epochs` must be that of the study"
    for option in ({"batch_size": 8}, {"splits": 2}, {"validation_share": 0.3}):
        (key,) = option
        assert _where_a_study_is_refused(tmp_path, **option).startswith(f"`{key}` must be that of")


def _where_a_study_is_refused(output, **options):
    with pytest.raises(ValueError, match="of the study 'coarse'") as error:
        search(output, trials=2, **options)
    return str(error.value).removeprefix("`coarse_search`: ").partition(" 'coarse'")[0]


def test_a_study_that_does_not_know_its_epochs_takes_them(tmp_path, monkeypatch):
    import optuna

    keep = optuna.Study.set_user_attr
    monkeypatch.setattr(
        optuna.Study, "set_user_attr", lambda *args: args[1] == "epochs" or keep(*args)
    )
    search(tmp_path, trials=1)
    monkeypatch.undo()
    search(tmp_path, trials=2, epochs=3)
    assert _where_a_study_is_refused(tmp_path).startswith("`epochs` must be")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trials": 0}, "`trials` must be a whole number of at least 1, got 0."),
        ({"sampler": "best"}, "`sampler` must be "),
        ({"pruner": "best"}, "`pruner` must be "),
        ({"metric": "val_q"}, "`metric` must have a name that tells whether more is better"),
        ({"space": {}}, "`space` must map names to Uniform"),
        ({"space": {"a": (0, 1)}}, "`space` must map 'a' to Uniform"),
        ({"build": 3}, "`build` must be a function of hyperparameters, got 3."),
        ({"data": lambda: np.ones(3)}, "`data` must be"),
        ({"data": lambda: (np.ones(3), np.ones(4))}, "`data` must have 4 rows everywhere"),
        ({"validation_share": None}, "`validation_share` must be a share of the rows where"),
        ({"storage": "nonsense"}, "`storage` must be a storage that"),
        ({"storage": 7}, "`storage` must be a string, got 7."),
        ({"name": 7}, "`name` must be a string, got 7."),
        ({"metric": None}, "`metric` must be a string, got None."),
        ({"callbacks": []}, r"`callbacks` must be a function that returns new callbacks, got \[\]"),
        ({"data": lambda: data(1)}, "`data` must have at least two rows"),
        ({"data": lambda: data(0)}, "`data` must have at least two rows"),
        ({"splits": 65, "validation_share": None}, "`splits` must be at most the 64 rows"),
        ({"validation_share": 0.999}, "`validation_share` must leave some of the 64 rows"),
        (
            {"storage": "mysql://me:secret@host/db"},
            "got 'mysql://me@host/db'. No module named 'MyS",
        ),
        ({"storage": "sqlite:////nowhere/at/all.db"}, "`storage` must be a storage that can be re"),
    ],
)
def test_each_refusal_is_a_sentence(options, words, tmp_path):
    with pytest.raises(ValueError, match=words) as error:
        search(tmp_path, **{"trials": 1, **options})
    assert str(error.value).startswith("`coarse_search`: ")
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_are_numbers(tmp_path):
    options = {"trials": np.int64(1), "epochs": np.int32(1), "validation_share": np.float32(0.25)}
    for _ in range(2):
        assert len(search(tmp_path, **options, seed=np.uint8(3)).trials) == 1


def test_a_password_is_not_shown():
    for shown in ("postgresql://me@host:1/db", "postgresql://host/db"):
        for query in ("", "?password=secret"):
            assert study.safe(shown.replace("@", ":secret@") + query) == shown


def test_a_full_disk_loses_nothing_that_was_finished(tmp_path, monkeypatch):
    first = search(tmp_path, trials=1)
    replace = os.replace

    def full(source, target):
        if "00001" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ValueError, match=r"`coarse_search`: `output` must be a folder .* No space"):
        search(tmp_path, trials=3)
    monkeypatch.undo()
    result = search(tmp_path, trials=3)
    assert result.trials[0] == first.trials[0]
    assert [trial.state for trial in result.trials] == ["complete"] * 3


def test_an_interrupt_queues_the_trial_again(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, trials=1, callbacks=lambda: [Interrupt()])
    interrupted = trial_of(tmp_path, 0)["params"]
    assert trial_of(tmp_path, 0)["state"] == "failed"
    assert trial_of(tmp_path, 0)["reason"] == "Stopped by KeyboardInterrupt; taken up again."
    result = search(tmp_path, trials=1)
    assert [trial.params for trial in result.trials] == [interrupted]


def test_a_silent_worker_is_taken_for_dead_and_its_trial_is_done_again(tmp_path, monkeypatch):
    search(tmp_path, trials=1)
    mine = study.Study(
        "test", "coarse", tmp_path / "journal.log", SPACE, "val_loss", "min", "random", None, 0, 7
    )
    dead = mine.ask()  # and never told
    TrialFolder(tmp_path / "trials" / "00001", {"number": dead.number})
    monkeypatch.setattr(study, "BEAT", 0.0)
    result = search(tmp_path, trials=2)
    assert len(result.trials) == 2
    assert result.trials[1].params == dead.params
    assert result.trials[1].number > dead.number
    assert trial_of(tmp_path, 1)["state"] == "failed"
    assert trial_of(tmp_path, 1)["reason"] == "Its worker fell silent; taken up again."


def test_optuna_says_nothing_of_trials_that_are_there_already(tmp_path, monkeypatch):
    import optuna

    said = []
    monkeypatch.setattr(
        logging.getLogger("optuna.study.study"), "handle", lambda r: said.append(r.getMessage())
    )
    optuna.logging.set_verbosity(optuna.logging.INFO)  # which is its default
    coarse = search(tmp_path / "coarse", trials=1)
    for _ in range(2):
        tuning.refine_search(build, data(), coarse, best=1, epochs=1, pruner=None, verbose=0)
    assert said == []


def test_optuna_says_nothing_by_itself(tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(tmp_path, trials=2, sampler="tpe")
    assert "A new study" not in capfd.readouterr().err


def test_a_worker_that_was_taken_for_dead_goes_on_with_other_trials(tmp_path):
    """As after a laptop's sleep: its first trial was given to another in the meantime."""
    import optuna

    class Sleep(keras.callbacks.Callback):
        slept = False

        def on_train_begin(self, logs=None):
            if not Sleep.slept:
                Sleep.slept = True
                backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
                storage = optuna.storages.JournalStorage(backend)
                other = optuna.load_study(study_name="coarse", storage=storage)
                other.tell(0, state=optuna.trial.TrialState.FAIL)
                params = other.trials[0].params
                other.enqueue_trial(params, user_attrs={"instead_of": 0})

    result = search(tmp_path, trials=2, callbacks=lambda: [Sleep()])
    assert [trial.number for trial in result.trials] == [1, 2]
    assert {trial.state for trial in result.trials} == {"complete"}


def test_a_refined_search_is_never_the_one_it_refines(tmp_path):
    coarse = search(tmp_path / "coarse", trials=2)
    options = {"epochs": 2, "pruner": None, "verbose": 0}
    refined = tuning.refine_search(build, data(), coarse, best=1, **options)
    with pytest.raises(ValueError, match="`output` must be another folder than that of `coarse`"):
        tuning.refine_search(build, data(), refined, best=1, **options)
    again = tuning.refine_search(build, data(), refined, best=1, name="again", **options)
    assert again.output == tmp_path / "again"
    with pytest.raises(ValueError, match="`coarse` must be what `coarse_search` or"):
        tuning.refine_search(build, data(), None)


@pytest.mark.parametrize(
    "half", ['{"op_code":5,"wor', "\0" * 40, "x" * 5000], ids=["half", "zeros", "long"]
)
def test_half_a_line_of_the_journal_is_cut_off(half, tmp_path):
    """As a full disk or a cut of the power leaves it."""
    first = search(tmp_path, trials=1)
    with (tmp_path / "journal.log").open("a") as file:
        file.write(half)
    assert search(tmp_path, trials=2).trials[:1] == first.trials
    assert len(search(tmp_path, trials=3).trials) == 3


def test_a_disk_that_fills_as_the_journal_is_written_loses_one_trial(tmp_path, monkeypatch):
    sync, begun = os.fsync, []

    def full(file):
        if begun:
            os.ftruncate(file, os.fstat(file).st_size - 9)
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    class Fill(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            begun.append(True)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match=r"`coarse_search`: `output` must be a folder .* No space"):
        search(tmp_path, trials=2, callbacks=lambda: [Fill()])
    assert trial_of(tmp_path, 0)["reason"] == "Stopped by OutputError; taken up again."
    monkeypatch.undo()
    monkeypatch.setattr(study, "BEAT", 0.0)
    result = search(tmp_path, trials=2)
    assert [trial.number for trial in result.trials] == [1, 2]
    assert {trial.state for trial in result.trials} == {"complete"}


def test_a_model_that_cannot_be_saved_has_a_score(tmp_path):
    class Shift(keras.layers.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(**kwargs)
            self.function = function

        def call(self, inputs):
            return self.function(inputs)

    def unsaveable(params):
        model = keras.Sequential([keras.Input((2,)), Shift(abs), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    result = search(tmp_path, unsaveable, trials=2)
    assert {trial.state for trial in result.trials} == {"complete"}
    for trial in result.trials:
        assert trial.reason.startswith("The best snapshot could not be saved: NotImplementedError:")
        assert not list(trial.folder.glob("*best*"))


def test_a_folder_keeps_one_study(tmp_path):
    search(tmp_path, trials=1, name="a")
    kept = trial_of(tmp_path, 0)
    with pytest.raises(ValueError, match=r"`name` must be that of the study in .*, 'a', got 'b'"):
        search(tmp_path, trials=1, name="b")
    address = f"sqlite:///{tmp_path}/study.db"
    with pytest.raises(ValueError, match=r"`storage` must be that .* Give `output` another folder"):
        search(tmp_path, trials=1, name="a", storage=address)
    assert trial_of(tmp_path, 0) == kept
    assert not (tmp_path / "study.db").exists()
    (tmp_path / "study.json").write_text('{"na')
    assert len(search(tmp_path, trials=2, name="a").trials) == 2


def test_a_storage_that_is_lost_is_no_fault_of_the_trial(tmp_path, monkeypatch):
    class Lose(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            (tmp_path / "study.db").rename(tmp_path / "away.db")

    monkeypatch.setattr(study, "_PAUSE", 0.0)
    options = {"trials": 2, "storage": f"sqlite:///{tmp_path}/study.db"}
    with pytest.raises(ValueError, match=r"`storage` must be a storage that can .* is kept: run"):
        search(tmp_path, callbacks=lambda: [Lose()], **options)
    assert trial_of(tmp_path, 0)["reason"] == "Stopped by StorageError; taken up again."
    (tmp_path / "away.db").replace(tmp_path / "study.db")
    monkeypatch.setattr(study, "BEAT", 0.0)
    result = search(tmp_path, **options)
    assert {trial.state for trial in result.trials} == {"complete"}


def test_a_connection_that_breaks_once_is_made_anew(tmp_path, monkeypatch):
    import optuna

    report, calls = optuna.trial.Trial.report, []

    def once(self, *args):
        calls.append(args)
        if len(calls) == 1:
            raise optuna.exceptions.StorageInternalError("The connection was closed.")
        report(self, *args)

    monkeypatch.setattr(study, "_PAUSE", 0.0)
    monkeypatch.setattr(optuna.trial.Trial, "report", once)
    (trial,) = search(tmp_path, trials=1).trials
    assert (trial.state, len(calls)) == ("complete", 3)


def test_a_validation_loss_that_is_not_finite_fails_the_trial(tmp_path):
    """The metric that judges may be a fine number all the same."""
    x, y = data()
    y[:32] = np.nan

    def judged(params):
        model = build(params)
        mean = keras.metrics.MeanMetricWrapper(lambda y_true, y_pred: abs(y_pred), name="size")
        model.compile(model.optimizer, "mse", metrics=[mean], run_eagerly=True)
        return model

    pair = ((x[32:], y[32:]), (x[:32], y[:32]))
    options = {"data": lambda: pair, "metric": "val_size", "mode": "min"}
    (trial,) = search(tmp_path, judged, trials=1, **options).trials
    assert (trial.state, trial.score) == ("failed", None)
    assert trial.reason == "The loss or val_size is not finite after epoch 1."


def test_a_metric_of_each_class_is_left_out(tmp_path):
    def of_classes(params):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
        score = keras.metrics.F1Score(average=None)
        model.compile("sgd", "categorical_crossentropy", metrics=[score], run_eagerly=True)
        return model

    x, y = data()
    pair = (x, np.eye(2, dtype="float32")[(y > 0).astype(int)])
    (trial,) = search(tmp_path / "loss", of_classes, trials=1, data=lambda: pair).trials
    assert trial.state == "complete", trial.reason
    head = (trial.folder / "curves.csv").read_text().partition("\n")[0]
    assert head == "epoch,learning_rate,loss,val_loss"
    options = {"data": lambda: pair, "metric": "val_f1_score"}
    (trial,) = search(tmp_path / "score", of_classes, trials=1, **options).trials
    assert trial.reason.startswith("The metric 'val_f1_score' is not in the logs, which have learn")


@pytest.mark.parametrize(("sampler", "package"), [("cmaes", "cmaes"), ("gp", "torch")])
def test_a_sampler_whose_package_is_missing_is_refused_first(
    sampler, package, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    words = f"`coarse_search`: `sampler` '{sampler}' needs the package {package}: pip install"
    with pytest.raises(ModuleNotFoundError, match=words):
        search(tmp_path, trials=1, sampler=sampler)
    assert not list(tmp_path.iterdir())


def test_callbacks_that_raise_are_the_trials_reason(tmp_path):
    def raises():
        raise KeyError("none today")

    (trial,) = search(tmp_path, trials=1, callbacks=raises).trials
    assert trial.reason == "`callbacks` raised KeyError: 'none today'"


def test_a_page_that_cannot_be_drawn_ends_no_search(tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("by the page")

    module = sys.modules["keras_trainkit.tuning.search.search"]
    monkeypatch.setattr(module, "write_board", broken)
    with pytest.warns(UserWarning, match="There is no page: ZeroDivisionError: by the page"):
        found = search(tmp_path, trials=2)
    assert len(found.trials) == 2
