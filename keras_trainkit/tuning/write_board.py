"""One page with all training runs on it."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._direction import direction
from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.callbacks.diagnosis import Diagnosis
from keras_trainkit.tuning.board.find_runs import find_runs
from keras_trainkit.tuning.board.importance import importance
from keras_trainkit.tuning.board.run import Run
from keras_trainkit.tuning.board.trial_folder import read_json

_POINTS = 150_000  # losses of batches on a page
_MOST_POINTS = 1_500  # of one run


def write_board(
    runs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str] = "board.html",
    *,
    title: str | None = None,
    metric: str | None = None,
    mode: str = "auto",
    renew: float | None = None,
) -> list[str]:
    """Writes the command center: one page, which needs no server and no network.

    It shows a wall of the learning curves of all runs on the same axes, each with its verdict; a
    scatter of every hyperparameter against the score; all of them as parallel coordinates; and
    how much each mattered in the largest search, by Optuna. Runs are sorted and filtered by any
    hyperparameter or the score, and one opens in full. The page is put in place whole: who reads
    it while it is being renewed sees the old one or the new one.

    Read are the trials of `coarse_search`, `refine_search` and `run_all`; files of Keras'
    `CSVLogger`; and folders of TensorBoard (with TensorFlow installed). Runs of others have no
    hyperparameters here, and their score is the best value of the metric.

    Args:
        runs: A folder or a `.csv` file, or several; folders are looked through to their ends.
        path: Where the page goes.
        title: What stands above it; the name of the first folder, or of the study that lies there.
        metric: What runs are judged by, such as `"accuracy"`; that of the study, else the first
            accuracy that is found, else the loss.
        mode: `"max"` where more of it is better, `"min"` where less is, `"auto"` to go by its
            name.
        renew: The seconds after which a browser reads the page again; None is never.

    Returns:
        A sentence for each run that could not be read; they stand on the page too.

    Raises:
        ValueError: If `runs` are not there, or no run is found in them.

    Example:

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "first.csv").write_text("epoch,loss\\n0,1.5\\n1,0.7\\n")
    >>> write_board(folder, folder / "board.html")
    []
    """
    folders = [Path(runs)] if isinstance(runs, str | os.PathLike) else [Path(one) for one in runs]
    if renew is not None:
        renew = arguments.number("write_board", "renew", renew, above=0)
    found, study, notes = find_runs(folders)
    if not found:
        arguments.refuse(
            "write_board",
            "runs",
            "hold trials of a search, files of CSVLogger or folders of TensorBoard",
            [str(folder) for folder in folders],
            " ".join(notes),
        )
    metric = _metric(metric, study, found)
    if mode == "auto" and metric == study.get("metric", "").removeprefix("val_"):
        mode = study.get("mode") or mode
    mode = direction("write_board", "metric", metric, mode)
    if not title:  # a folder of several studies is more than the first of them
        here = study.get("name") if (folders[0] / "study.json").exists() else None
        title = here or folders[0].resolve().name
    data = _page_data(found, study, notes, metric, mode)
    data["steps"] = [step for folder in folders for step in _steps(folder)]
    data |= {"title": title, "made": f"{datetime.now():%Y-%m-%d %H:%M:%S}", "renew": renew}
    page = resources.files("keras_trainkit.tuning.board").joinpath("page")
    parts = {
        "title": _escaped(title),
        "style": page.joinpath("style.css").read_text(encoding="utf-8"),
        "script": page.joinpath("script.js").read_text(encoding="utf-8"),
        # Within a script element only "</" and "<!" mean something to a browser.
        "data": json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
    }
    text = Template(page.joinpath("page.html").read_text(encoding="utf-8")).substitute(parts)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return notes


def _metric(metric: str | None, study: Mapping[str, Any], runs: Sequence[Run]) -> str:
    names = {name.removeprefix("val_"): None for run in runs for name in run.curves}
    if metric is None:
        metric = study.get("metric") or _usual_metric(names)
    elif metric.removeprefix("val_") not in names:
        rule = f"be one of what the runs have ({', '.join(names)})"
        arguments.refuse("write_board", "metric", rule, metric)
    return metric.removeprefix("val_")


def _page_data(
    runs: Sequence[Run], study: Mapping[str, Any], notes: list[str], metric: str, mode: str
) -> dict[str, Any]:
    readings = [_reading(run, metric, mode) for run in runs]
    scores = [_score(run, metric, mode) for run in runs]
    space = study.get("space", {}).items()
    log = [name for name, axis in space if _is_log(axis)]
    names = dict.fromkeys(name for run in runs for name in run.params)
    choices = [name for name, axis in space if isinstance(axis, dict) and "choices" in axis]
    shares, words = importance(runs, scores, mode, log, choices)
    floats = _Floats()
    points = min(_MOST_POINTS, _POINTS // len(runs))
    judged = any(f"val_{metric}" in run.curves for run in runs)
    return {
        "metric": metric,
        "score": f"val_{metric}" if judged else metric,
        "mode": mode,
        "params": list(names),
        "log": log,
        "choices": choices,
        "runs": [
            {
                "name": run.name,
                "search": run.search,
                "state": run.state,
                "score": score,
                "params": {name: _value(value) for name, value in run.params.items()},
                "seconds": _value(run.seconds),
                "epochs": run.epochs,
                "reason": run.reason,
                "facts": {name: _value(value) for name, value in run.facts.items()},
                "curves": {name: floats.add(curve) for name, curve in run.curves.items()},
                "points": _thinned(run.batches, points, floats),
                **_verdict(run, reading),
            }
            for run, reading, score in zip(runs, readings, scores, strict=True)
        ],
        "importance": [[name, round(share, 4)] for name, share in shares],
        "importance_words": words,
        "notes": notes,
        "floats": floats.packed(),
    }


def _steps(folder: Path) -> list[dict[str, Any]]:
    """The steps of `run_all`, with their pictures in the page."""
    try:
        known = read_json(folder / "steps.json")
    except (OSError, ValueError):
        return []
    steps = []
    for step in known.values():
        if not isinstance(step, dict) or not {"title", "verdict", "picture"} <= step.keys():
            continue
        picture = folder / step["picture"]
        encoded = base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else ""
        steps.append({**step, "picture": encoded})
    return steps


class _Floats:
    """All curves of a page in one buffer: a tenth of the text, and nothing to parse."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._length = 0

    def add(self, values: np.ndarray) -> list[int]:
        """Where the values stand: the first, and how many."""
        place = [self._length, len(values)]
        self._parts.append(np.asarray(values, "<f4"))
        self._length += len(values)
        return place

    def packed(self) -> str:
        return base64.b64encode(b"".join(part.tobytes() for part in self._parts)).decode()


def _thinned(batches: np.ndarray | None, most: int, floats: _Floats) -> list[int] | None:
    if batches is None:
        return None
    x, y = batches[:, :: 1 + (batches.shape[1] - 1) // most]
    start, count = floats.add(x)
    floats.add(y)
    return [start, count]


def _usual_metric(names: Mapping[str, None]) -> str:
    accuracies = [name for name in names if "acc" in name]
    return accuracies[0] if accuracies else "loss" if "loss" in names else next(iter(names), "loss")


def _reading(run: Run, metric: str, mode: str) -> Diagnosis | None:
    history = {name: curve.tolist() for name, curve in run.curves.items()}
    if metric not in history:  # another metric's run has its verdict all the same
        metric = _usual_metric(dict.fromkeys(name for name in history if f"val_{name}" in history))
        mode = "auto"
    try:
        return diagnose(history, metric, mode)
    except ValueError:
        return None


def _score(run: Run, metric: str, mode: str) -> float | None:
    """The search's, if it judges by this metric; else the best value of an epoch."""
    if run.state in ("failed", "running"):
        return None
    if run.score is not None and run.metric in ("", metric):
        return _value(run.score)
    curve = run.curves.get(f"val_{metric}", run.curves.get(metric, np.array([])))
    finite = curve[np.isfinite(curve)]
    return _value(max(finite, default=None) if mode == "max" else min(finite, default=None))


def _verdict(run: Run, reading: Diagnosis | None) -> dict[str, str]:
    if run.state == "failed":
        return {"headline": "Failed", "words": "", "tone": "bad"}
    if reading is None:
        return {"headline": "No curve yet", "words": "", "tone": "plain"}
    return {"headline": reading.headline, "words": reading.verdict, "tone": reading.tone}


def _is_log(axis: Any) -> bool:
    return (
        isinstance(axis, dict) and "log" in str(axis.get("class_name", axis.get("log", ""))).lower()
    )


def _value(value: Any) -> Any:
    """As JSON takes it: no NaN, and what is neither number nor text by its words."""
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return str(value) if isinstance(value, bool) else value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
