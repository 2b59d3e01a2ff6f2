import dataclasses
import importlib
import json
import re
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_trainkit import tuning
from keras_trainkit.__main__ import main
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.tuning.run_all import AllSteps
from keras_trainkit.tuning.search import study
from keras_trainkit.tuning.search_result import SearchedTrial, SearchResult

# The package's `draw_curves` is the function.
draw_curves = importlib.import_module("keras_trainkit.callbacks.draw_curves")

SPACE = {
    "learning_rate": tuning.LogUniform(1e-4, 10.0),
    "weight_decay": tuning.Choice([0.0, 1e-4]),
}


def data():
    """Two classes, on two sides of a line."""
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    return x, (x.sum(1) > 0).astype("int64")


def build(params):
    """Small, and right for the data."""
    built.append(params)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros"),
        ]
    )
    optimizer = keras.optimizers.SGD(
        params["learning_rate"], momentum=0.9, weight_decay=params["weight_decay"]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


built = []


def walk(output, **options):
    few = {"trials": 2, "epochs": 1, "best": 1, "refine_epochs": 2, "rounds": 1, "verbose": 0}
    options = {**few, **options}
    return tuning.run_all(build, data(), SPACE, output=output, **options)


def test_the_steps_in_order_and_on_the_page_and_not_done_again(tmp_path):
    built.clear()
    found = walk(tmp_path)
    assert [step.title for step in found.steps] == [
        "Initial loss",
        "Overfit a small sample",
        "Learning rate",
        "Coarse search",
        "Refined search",
        "Curves of the best",
    ]
    assert all(step.passed for step in found.steps), found.verdict
    first, second, third, *others = built
    assert first["weight_decay"] == second["weight_decay"] == 0, "no decay in steps 1 and 2"
    assert third["weight_decay"] == 1e-4, "a little in step 3"
    for params in others:
        assert found.learning_rate / 10 <= params["learning_rate"] <= found.learning_rate * 10
    assert found.best.params == others[-1]
    assert found.best.score > 0.8
    assert (tmp_path / "learning_rate.png").stat().st_size > 10_000
    page = (tmp_path / "board.html").read_text(encoding="utf-8")
    assert json.dumps(found.steps[1].verdict)[1:-1] in page
    assert '"name": "coarse 1"' in page
    assert '"name": "refine 0"' in page

    count = len(built)
    assert walk(tmp_path) == found
    assert len(built) == count, "all was done before"
    more = walk(tmp_path, rounds=2)
    assert more.steps[: len(found.steps)] == found.steps
    assert [search.output.name for search in more.searches] == ["coarse", "refine-1", "refine-2"]
    again, new = built[count:]
    assert again == found.best.params
    assert all(axis.holds(new[name]) for name, axis in more.searches[2].space.items())
    assert new["learning_rate"] != again["learning_rate"]
    assert [step.title for step in more.steps[len(found.steps) :]] == [
        "Refined search, round 2",
        "Curves of the best, round 2",
    ]
    assert list(json.loads((tmp_path / "steps.json").read_text())) == [
        step.title for step in more.steps
    ]


def test_the_best_is_that_of_all_searches(tmp_path):
    def searched(score, state="complete"):
        trial = SearchedTrial(0, {}, state, score, "", tmp_path)
        return SearchResult("", (trial,), "val_loss", "min", SPACE, tmp_path)

    def best(*searches):
        return AllSteps((), None, searches, tmp_path).best

    coarse, low, high, none = searched(0.4), searched(0.2), searched(0.3), searched(None, "failed")
    assert best(coarse, low, high) is best(coarse, high, low) is low.trials[0]
    assert best(coarse, none) is best(coarse) is coarse.trials[0]
    assert best(none, none) is best() is None


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="which seeds: TensorFlow's")
@pytest.mark.parametrize(("seed", "inside"), [(0, True), (1, False)])
def test_a_search_that_has_grown_since_is_refined_too(seed, inside, tmp_path):
    """Within the ranges of the refined search; where its best lies outside, that is said."""
    first = walk(tmp_path, trials=3, best=2, seed=seed)
    more = walk(tmp_path, trials=8, best=2, seed=seed)
    refined = [trial.params for trial in more.searches[1].trials]
    assert refined[:2] == [trial.params for trial in first.searches[1].trials]
    space, best = first.searches[1].space, more.searches[0].best.params
    assert best not in refined[:2]
    assert all(axis.holds(best[name]) for name, axis in space.items()) == inside
    assert more.searches[1].space == space
    assert refined[2:] == ([best] if inside else [])
    (said,) = [step.verdict for step in more.steps if step.title == "Refined search"]
    assert ("outside of these ranges" in said) != inside


def test_a_step_that_fails_ends_the_walk(tmp_path, monkeypatch):
    x, y = data()
    found = tuning.run_all(build, (x, y + 1), SPACE, output=tmp_path, verbose=0)
    assert not found.steps[0].passed
    assert found.searches == ()
    assert found.best is None


def test_a_build_that_raises_is_a_step_that_failed(tmp_path):
    def wrong(params):
        raise ZeroDivisionError("by zero\nand more")

    found = tuning.run_all(wrong, data(), SPACE, output=tmp_path, verbose=0)
    assert [step.passed for step in found.steps] == [False]
    assert found.steps[0].verdict == "It could not be done: ZeroDivisionError: by zero"


@pytest.mark.parametrize("text", ["[1]", '{"Initial loss": 1}', '{"Initial loss": {}}', '{"Initi'])
def test_steps_that_cannot_be_read_are_done_again(text, tmp_path):
    (tmp_path / "steps.json").write_text(text)
    x, y = data()
    found = tuning.run_all(build, (x, y + 1), SPACE, output=tmp_path, verbose=0)
    assert [step.passed for step in found.steps] == [False]


def test_the_first_step_is_that_of_the_seed(tmp_path):
    def plain(params):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    x, y = data()
    wrong = 100 * x, y  # ends the walk
    verdicts = [
        tuning.run_all(plain, wrong, SPACE, output=tmp_path / name, seed=seed, verbose=0).verdict
        for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    ]
    assert verdicts[0] == verdicts[1] != verdicts[2]


def test_it_goes_on_after_a_step_that_fails_where_it_is_told_to(tmp_path):
    def sure_of_itself(params):
        model = build(params)
        model.layers[-1].bias.assign([4.0, -4.0])  # a loss of about 4, not log(2)
        return model

    options = {"trials": 2, "epochs": 1, "best": 1, "refine_epochs": 1, "rounds": 1, "verbose": 0}
    ended = tuning.run_all(sure_of_itself, data(), SPACE, output=tmp_path, **options)
    assert [step.passed for step in ended.steps] == [False]
    found = tuning.run_all(sure_of_itself, data(), SPACE, output=tmp_path, go_on=True, **options)
    assert [step.passed for step in found.steps] == [False, *[True] * 5]
    assert found.steps[0] == ended.steps[0]
    assert len(found.searches) == 2
    assert found.best is not None


def test_workers_share_the_studies_and_the_ranges_of_the_first(tmp_path, monkeypatch):
    storage = f"sqlite:///{tmp_path}/studies.db"
    first = walk(tmp_path / "first", storage=storage)

    def finds_another_rate(*arguments, **options):
        return dataclasses.replace(find(*arguments, **options), learning_rate=1e-3)

    module = sys.modules["keras_trainkit.tuning.run_all"]
    find = module.find_learning_rate
    monkeypatch.setattr(module, "find_learning_rate", finds_another_rate)
    second = walk(tmp_path / "second", storage=storage, worker=1, trials=4, best=2)
    assert second.learning_rate == 1e-3 != first.learning_rate
    assert second.searches[0].space == first.searches[0].space
    assert second.searches[0].trials[:2] == tuple(
        dataclasses.replace(trial, folder=second.searches[0].output / "trials" / f"{i:05d}")
        for i, trial in enumerate(first.searches[0].trials)
    )
    rates = [trial.params["learning_rate"] for trial in second.searches[0].trials]
    assert len(set(rates)) == 4
    assert sorted(path.name for path in (tmp_path / "second/coarse/trials").iterdir()) == [
        "00002",
        "00003",
    ]
    assert '"name": "coarse 3"' in (tmp_path / "second/board.html").read_text(encoding="utf-8")


def test_the_command_walks_a_script_and_goes_on(tmp_path, capsys):
    script = tmp_path / "search.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
            from test_run_all import SPACE as space, build, data
            """
        )
    )
    options = ["--output", str(tmp_path / "runs"), "--trials", "1", "--best", "1"]
    options += ["--epochs", "1", "--refine-epochs", "1"]
    assert main(["tune", str(script), *options]) == 0
    said = capsys.readouterr().out
    assert "3. Learning rate: " in said
    assert "7. Refined search, round 2: " in said
    assert said.rstrip().endswith("board.html")
    assert main(["tune", str(script), *options]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"storage": "sqlite:////nowhere/at/all.db"}, "`storage` must be a storage that can be r"),
        ({"trials": 0}, "`trials` must be"),
        ({"epochs": 1.5}, "`epochs` must be"),
        ({"best": 0}, "`best` must be"),
        ({"refine_epochs": -1}, "`refine_epochs` must be"),
        ({"rounds": 0}, "`rounds` must be"),
        ({"batch_size": 0}, "`batch_size` must be"),
        ({"mode": "up"}, "`mode` must be"),
    ],
)
def test_what_the_searches_need_is_refused_before_the_first_step(options, words, tmp_path):
    built.clear()
    with pytest.raises(ValueError, match=re.escape(f"`run_all`: {words}")):
        walk(tmp_path, **options)
    assert built == []


@pytest.mark.parametrize(
    ("module", "name"), [(study, "_optuna"), (draw_curves, "_figure")], ids=["optuna", "matplotlib"]
)
def test_a_missing_package_is_said_before_the_first_step(module, name, tmp_path, monkeypatch):
    monkeypatch.setattr(module, name, LazyModule("no_such_package", "tuning"))
    built.clear()
    with pytest.raises(ModuleNotFoundError, match="needs no_such_package"):
        walk(tmp_path)
    assert built == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no file"),
        ("build = len\n", "must define build, data, space; data, space is not there."),
        ("build, data, space = len, ([1], [1]), {}\n", "`run_all`: `space` must map names"),
        ("\n1 / 0\n", "search.py, line 2, raised ZeroDivisionError: division by zero"),
        ("from beside import build, space\ndef data():\n    {}['x']\n", "line 3, raised KeyError"),
    ],
)
def test_the_command_says_what_is_wrong(text, words, tmp_path, capsys):
    script = tmp_path / "search.py"
    (tmp_path / "beside.py").write_text("build = space = None\n")
    if text is not None:
        script.write_text(text)
    assert main(["tune", str(script), "--output", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
