"""Several processes on one study, and one that is killed."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import optuna
import pytest
from searching import search

from keras_trainkit.tuning.search import study

HERE = Path(__file__).parent
URL = os.environ.get("KERAS_TRAINKIT_POSTGRESQL", "")


def start(output, storage, worker, trials, *dies_in):
    words = [output, storage, worker, trials, *dies_in]
    return subprocess.Popen(
        [sys.executable, HERE / "worker.py", *map(str, words)],
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_search_loses_the_trial_that_ran_and_nothing_else(tmp_path, monkeypatch):
    process = start(tmp_path, "", 0, 4, 2)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
    )
    before = optuna.load_study(study_name="coarse", storage=storage).trials
    assert [trial.state.name for trial in before] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert (tmp_path / "trials" / "00002" / "curves.csv").read_text().count("\n") == 2

    monkeypatch.setattr(study, "BEAT", 0.01)  # seconds; the dead one is silent for longer
    result = search(tmp_path, trials=4)
    assert [trial.params for trial in result.trials[:2]] == [trial.params for trial in before[:2]]
    assert [trial.score for trial in result.trials[:2]] == [trial.value for trial in before[:2]]
    assert result.trials[2].params == before[2].params, "its hyperparameters were queued again"
    assert len(result.trials) == 4
    assert {trial.state for trial in result.trials} == {"complete"}


@pytest.mark.slow
@pytest.mark.skipif(
    not URL,
    reason="needs a PostgreSQL server, its URL in KERAS_TRAINKIT_POSTGRESQL (.ci/run starts one)",
)
def test_two_workers_share_a_study_on_postgresql(tmp_path):
    schema = f"run_{uuid.uuid4().hex}"
    import sqlalchemy

    with sqlalchemy.create_engine(URL).begin() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {schema}"))
    storage = f"{URL}?options=-csearch_path%3D{schema}"
    processes = [start(tmp_path / str(worker), storage, worker, 8) for worker in (0, 1)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    trials = optuna.load_study(study_name="coarse", storage=storage).trials
    assert 8 <= len(trials) <= 9, "workers that start at one instant may make one more"
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    assert {trial.user_attrs["worker"] for trial in trials} == {0, 1}
    rates = [trial.params["learning_rate"] for trial in trials]
    assert len(set(rates)) == len(rates), "two workers drew the same points"
    for trial in trials:
        place = tmp_path / str(trial.user_attrs["worker"]) / "trials" / f"{trial.number:05d}"
        assert (place / "best.keras").exists()
    assert any(
        a.datetime_start < b.datetime_complete and b.datetime_start < a.datetime_complete
        for a in trials
        for b in trials
        if a.user_attrs["worker"] < b.user_attrs["worker"]
    ), "they took turns instead of working at once"
