"""The folder that the search keeps for each trial."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit.tuning.board.csv_log import read_csv
from keras_trainkit.tuning.board.run import Run

_FACTS = ("number", "step", "seed", "worker", "started", "folds")


def read_trial(folder: Path) -> Run:
    """A trial; with several folds, the mean of their curves over the epochs that all have.

    Raises:
        ValueError: If `trial.json` is no trial's.
    """
    trial = read_json(folder / "trial.json")
    curves = [_curves(path) for path in sorted(folder.glob("curves*.csv"))]
    state, params = trial.get("state", "running"), trial.get("params", {})
    if state not in ("complete", "running", "pruned", "failed") or not isinstance(params, dict):
        raise ValueError("is not a trial's")
    score = trial.get("score")
    search = str(trial.get("step", "trial"))
    return Run(
        name=f"{search} {trial.get('number', folder.name)}",
        search=search,
        curves=_mean([of for of in curves if of]),
        params=params,
        state=state,
        score=float(score) if isinstance(score, int | float) else None,
        reason=str(trial.get("reason") or ""),
        seconds=trial.get("seconds"),
        batches=_batches(folder / "batches.csv"),
        facts={name: _plain(trial[name]) for name in _FACTS if trial.get(name) is not None},
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ValueError: If it is half-written, or something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError("is half-written or damaged") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return value


def _curves(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_csv(path)
    except ValueError:  # nothing yet
        return {}


def _mean(folds: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    names = [name for name in (folds[0] if folds else ()) if all(name in of for of in folds)]
    lengths = {name: min(len(of[name]) for of in folds) for name in names}
    return {name: np.mean([of[name][: lengths[name]] for of in folds], 0) for name in names}


def _batches(path: Path) -> np.ndarray | None:
    if not path.exists():
        return None
    columns = _curves(path)
    if not {"position", "loss"} <= columns.keys():
        return None
    return np.stack([columns["position"], columns["loss"]])


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
