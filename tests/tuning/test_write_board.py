import base64
import json
import math
import re

import numpy as np
import pytest
from trial_folders import write_columns, write_study, write_trial

from keras_trainkit import tuning
from keras_trainkit.__main__ import main


def data_of(page):
    """What the page's script reads."""
    text = re.search('<script type="application/json" id="data">(.*?)</script>', page, re.S)[1]
    data = json.loads(text)
    floats = np.frombuffer(base64.b64decode(data["floats"]), "<f4")
    for run in data["runs"]:
        places = run["curves"].items()
        run["curves"] = {name: floats[i : i + count] for name, (i, count) in places}
    return data


def written(tmp_path, **options):
    tuning.write_board(tmp_path, tmp_path / "board.html", **options)
    return (tmp_path / "board.html").read_text(encoding="utf-8")


def test_the_page_holds_what_was_measured(tmp_path):
    write_study(tmp_path, 3, 12, name="a study")
    data = data_of(written(tmp_path))
    assert (data["title"], data["metric"], data["mode"]) == ("a study", "accuracy", "max")
    assert data["params"] == ["learning_rate", "width", "optimizer"]
    assert data["log"] == ["learning_rate"]
    for number, run in enumerate(data["runs"]):
        columns = write_trial(tmp_path / "again", number, 12)
        assert run["score"] == pytest.approx(columns["val_accuracy"].max())
        assert set(run["curves"]) == columns.keys() - {"epoch"}
        for name, curve in run["curves"].items():
            np.testing.assert_allclose(curve, columns[name], rtol=1e-6)
        assert run["headline"]
        assert run["tone"] in ("good", "warn", "bad")
    assert data["importance_words"] == "Judged from 10 scored runs on; there are 3."


def test_runs_that_the_kit_never_saw_are_scored_by_their_best_epoch(tmp_path):
    write_columns(tmp_path / "a.csv", {"loss": [3.0, 1.0, 2.0], "val_loss": [4.0, 3.0, 2.5]})
    write_columns(tmp_path / "b.csv", {"loss": [3.0, np.nan, np.nan]})
    data = data_of(written(tmp_path))
    assert (data["metric"], data["score"], data["mode"]) == ("loss", "val_loss", "min")
    assert [run["score"] for run in data["runs"]] == [2.5, 3.0]
    assert data["runs"][1]["headline"] == "Diverged"


def test_the_rate_that_makes_the_score_is_what_mattered(tmp_path):
    write_study(tmp_path, 40, 3)
    shares = dict(data_of(written(tmp_path))["importance"])
    assert shares["learning_rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)


def test_what_mattered_is_asked_of_the_largest_search(tmp_path):
    """A refined search, trained for longer and in other ranges, changes nothing about it."""
    write_study(tmp_path / "coarse", 40, 3)
    alone = data_of(written(tmp_path))
    for number in range(20):
        write_trial(tmp_path / "refine", number, 3, step="refine", score=0.99)
    both = data_of(written(tmp_path))
    assert both["importance"] == alone["importance"]
    assert "what made 40 runs differ" in alone["importance_words"]
    assert "what made 40 runs of the coarse search differ" in both["importance_words"]


def test_choices_of_numbers_are_no_quantities(tmp_path):
    """Only 1 is bad. On a number line to 1024 it would be next to nothing."""
    write_study(tmp_path, 0, 0)
    study = json.loads((tmp_path / "study.json").read_text())
    study["space"]["batch_size"] = {"class_name": "Choice", "choices": [1, 2, 1024]}
    (tmp_path / "study.json").write_text(json.dumps(study))
    for number in range(30):
        params = {"batch_size": [1, 2, 1024][number % 3], "width": 8 + number}
        score = 0.001 * number + (0.1 if number % 3 == 0 else 0.9)
        write_trial(tmp_path, number, 3, params=params, score=score)
    data = data_of(written(tmp_path))
    assert data["choices"] == ["optimizer", "batch_size"]
    assert dict(data["importance"])["batch_size"] > 0.9


@pytest.mark.parametrize("odd", [math.nan, math.inf, 10**400, None])
def test_scores_and_values_that_nothing_can_be_learned_from(odd, tmp_path):
    """A network that learns all, or nothing, whatever its hyperparameters; and odd values."""
    for number in range(12):
        write_trial(tmp_path, number, 3, params={"width": number}, score=1.0)
    data = data_of(written(tmp_path))
    assert data["importance_words"] == "All 12 runs have the same score: nothing tells them apart."
    for number in range(12):
        (tmp_path / "trials" / f"{number:05d}" / "trial.json").unlink()
        changes = {"params": {"width": odd if number == 3 else number}, "score": 0.1 * number}
        write_trial(tmp_path / "more", number, 3, **changes)
    data = data_of(written(tmp_path / "more"))
    assert "width" in dict(data["importance"])


def test_a_score_is_that_of_the_metric_that_is_shown(tmp_path):
    write_study(tmp_path, 4, 6)  # on the accuracy
    data = data_of(written(tmp_path, metric="loss"))
    assert (data["score"], data["mode"]) == ("val_loss", "min")
    for run in data["runs"]:
        assert run["score"] == pytest.approx(run["curves"]["val_loss"].min())
    study = json.loads((tmp_path / "study.json").read_text())
    study |= {"metric": "loss", "mode": "min"}
    for number in range(3):  # a search on the loss beside it
        write_trial(tmp_path / "b", number, 6, score=2.0 + number)
    (tmp_path / "b" / "study.json").write_text(json.dumps(study))
    data = data_of(written(tmp_path))
    assert data["score"] == "val_accuracy"
    assert max(run["score"] for run in data["runs"]) < 1
    with pytest.raises(ValueError, match=r"`metric` must be one of what the runs have \(accuracy"):
        written(tmp_path, metric="acuracy")


def test_runs_with_another_metric_have_their_verdict_too(tmp_path):
    write_columns(
        tmp_path / "a.csv", {"accuracy": [0.1, 0.5, 0.9], "val_accuracy": [0.1, 0.5, 0.8]}
    )
    write_columns(tmp_path / "b.csv", {"loss": [3.0, np.nan, np.nan], "val_loss": [3.0, 2.0, 1.0]})
    first, second = data_of(written(tmp_path))["runs"]
    assert (first["score"], second["score"]) == (0.8, None)
    assert second["headline"] == "Diverged"


@pytest.mark.parametrize("text", ["[1]", '{"a": 3}', '{"a": {"title": "x"}}'])
def test_steps_of_another_kind_are_left_out(text, tmp_path):
    write_study(tmp_path, 1, 3)
    (tmp_path / "steps.json").write_text(text)
    assert data_of(written(tmp_path))["steps"] == []


def test_text_cannot_become_markup(tmp_path):
    evil = "</script><script>alert(1)</script><!--"
    write_study(tmp_path, 0, 0, name=evil)
    write_trial(tmp_path, 0, 3, params={evil: evil}, reason=evil)
    page = written(tmp_path)
    assert page.count("<script") == page.count("</script>") == 2, "the data and the page's own"
    assert "<!--" not in page
    data = data_of(page)
    assert data["title"] == evil
    assert data["runs"][0]["params"] == {evil: evil}


def test_the_page_needs_nothing_from_anywhere(tmp_path):
    write_study(tmp_path, 1, 3)
    page = written(tmp_path)
    assert not re.search(r"https?:|//[a-z]+\.|\bsrc=|@import|url\(", page)
    assert "default-src 'none'" in page
    script = re.search(r"</script>\s*<script>(.*?)</script>", page, re.S)[1]
    assert len(script.encode()) <= 100_000


def test_five_hundred_trials_of_a_hundred_epochs_stay_below_five_megabytes(tmp_path):
    write_study(tmp_path, 500, 100)
    assert len(written(tmp_path)) < 5_000_000


def test_the_command(tmp_path, capsys):
    write_study(tmp_path, 2, 3)
    (tmp_path / "trials" / "00001" / "trial.json").write_text("{")
    page = tmp_path / "out.html"
    assert main(["board", str(tmp_path), "-o", str(page), "--title", "mine"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(page)
    assert "00001: is half-written or damaged." in captured.err
    assert data_of(page.read_text())["title"] == "mine"
    assert data_of(page.read_text())["renew"] is None


def test_watching_writes_it_again(tmp_path, monkeypatch, capsys):
    write_study(tmp_path, 1, 3)
    page, counts = tmp_path / "board.html", []

    def sleep(seconds):
        data = data_of(page.read_text())
        counts.append(len(data["runs"]))
        assert data["renew"] == seconds == 5
        if len(counts) == 2:
            raise KeyboardInterrupt
        write_trial(tmp_path, 1, 3)

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["board", str(tmp_path), "-o", str(page), "--watch", "5"]) == 130
    assert counts == [1, 2]
    assert capsys.readouterr().out.splitlines() == [str(page)]


def test_watching_waits_for_the_first_run(tmp_path, monkeypatch, capsys):
    page, slept = tmp_path / "board.html", []

    def sleep(seconds):
        slept.append(page.exists())
        if len(slept) == 2:
            write_trial(tmp_path, 0, 3)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["board", str(tmp_path), "-o", str(page), "--watch"]) == 130
    assert slept == [False, False, True]
    captured = capsys.readouterr()
    assert captured.err.count("`runs` must hold trials of a search") == 1
    assert captured.out.splitlines() == [str(page)]


@pytest.mark.parametrize("seconds", ["0", "nan", "1e300", "soon"])
def test_seconds_that_no_one_waits(seconds, capsys):
    with pytest.raises(SystemExit):
        main(["board", ".", "--watch", seconds])
    assert "--watch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "`write_board`: `runs` must be folders or files that are there"),
        (["."], "`write_board`: `runs` must hold trials of a search"),
    ],
)
def test_the_command_says_what_is_wrong(options, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["board", *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "board.html").exists()
