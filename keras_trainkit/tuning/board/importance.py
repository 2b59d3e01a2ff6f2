"""How much each hyperparameter mattered, by Optuna."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.tuning.board.run import Run

_optuna: Any = LazyModule("optuna", "tuning")
_FEWEST = 10  # runs, below which the shares are chance
_LARGEST = sys.float_info.max


def importance(
    runs: Sequence[Run],
    scores: Sequence[float | None],
    mode: str,
    log: Sequence[str],
    choices: Sequence[str],
) -> tuple[list[tuple[str, float]], str]:
    """The share of each hyperparameter in the variance of the scores, largest first, and words.

    Of the search with the most runs: another one trains for other epochs, and in other ranges.
    Both are empty where there are no hyperparameters.
    """
    names = sorted({name for run in runs for name in run.params})
    pairs = [
        (run, score)
        for run, score in zip(runs, scores, strict=True)
        if score is not None
        and set(run.params) == set(names)
        and all(map(_holds, run.params.values()))
    ]
    sizes = Counter(run.search for run, _ in pairs)
    search = max(sizes, key=sizes.__getitem__, default="")
    scored = [(run, score) for run, score in pairs if run.search == search]
    values = {name: [run.params[name] for run, _ in scored] for name in names}
    names = [name for name in names if len(set(map(str, values[name]))) > 1]
    if not names:
        return [], ""
    if len(scored) < _FEWEST:
        return [], f"Judged from {_FEWEST} scored runs on; there are {len(scored)}."
    if len({score for _, score in scored}) == 1:
        return [], f"All {len(scored)} runs have the same score: nothing tells them apart."
    try:
        create_trial, distributions = _optuna.trial.create_trial, _optuna.distributions
    except ModuleNotFoundError as error:
        return [], str(error)
    axes = {
        name: _distribution(distributions, values[name], name in log, name in choices)
        for name in names
    }
    verbosity = _optuna.logging.get_verbosity()
    _optuna.logging.set_verbosity(_optuna.logging.WARNING)
    try:
        study = _optuna.create_study(direction="maximize" if mode == "max" else "minimize")
        for run, score in scored:
            chosen = {name: _plain(run.params[name], axes[name]) for name in names}
            study.add_trial(create_trial(params=chosen, distributions=axes, value=score))
        # Optuna's default asks what the best tenth have in common: of few runs, that is chance.
        # Its forest has 64 trees of depth 64: to 1%, these say the same in a tenth of the time.
        evaluator = _optuna.importance.FanovaImportanceEvaluator(n_trees=32, max_depth=8, seed=0)
        shares = _optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        _optuna.logging.set_verbosity(verbosity)
    of = f" of the {search} search" if len(sizes) > 1 else ""
    words = (
        f"The share of each hyperparameter in what made {len(scored)} runs{of} differ, by Optuna; "
        "it knows only the ranges that were tried."
    )
    return sorted(shares.items(), key=lambda pair: -pair[1]), words


def _holds(value: Any) -> bool:
    """Whether a range can hold it: no NaN, no infinity, no whole number beyond floats."""
    return not isinstance(value, int | float) or abs(value) <= _LARGEST


def _distribution(distributions: Any, values: Sequence[Any], log: bool, choice: bool) -> Any:
    if choice or not all(type(value) in (int, float) for value in values):
        return distributions.CategoricalDistribution(sorted({str(value) for value in values}))
    low, high = float(np.min(values)), float(np.max(values))
    return distributions.FloatDistribution(low, high, log=log and low > 0)


def _plain(value: Any, axis: Any) -> Any:
    return str(value) if hasattr(axis, "choices") else float(value)
