"""What a search found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_trainkit.tuning.space import Axis, Choice, LogUniform

_EDGE = 0.05  # of a range: there the best may lie outside


@dataclass(frozen=True)
class SearchedTrial:
    """One trial.

    Attributes:
        number: Within the study, from 0.
        params: The hyperparameters.
        state: `"complete"`, `"pruned"` or `"failed"`.
        score: The best epoch's value of the metric, the mean over the splits; None where it
            failed.
        reason: Why it was given up or failed, in a sentence.
        folder: Where its curves and its best snapshot are, if this machine trained it.
    """

    number: int
    params: Mapping[str, Any]
    state: str
    score: float | None
    reason: str
    folder: Path


@dataclass(frozen=True)
class SearchResult:
    """The trials of a search, and what they say.

    Attributes:
        step: `"coarse"` or `"refine"`.
        trials: In the order in which they were begun.
        metric: What they were judged by.
        mode: `"max"` or `"min"`.
        space: The ranges.
        output: The folder, with `board.html` in it.
    """

    step: str
    trials: tuple[SearchedTrial, ...]
    metric: str
    mode: str
    space: Mapping[str, Axis] = field(repr=False)
    output: Path

    @property
    def best(self) -> SearchedTrial | None:
        """The best of those that were trained to the end; None where there is none."""
        best = self.best_trials(1)
        return best[0] if best else None

    def best_trials(self, count: int) -> list[SearchedTrial]:
        """So many of the best that were trained to the end, the best first."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        sign = -1 if self.mode == "max" else 1
        return sorted(complete, key=lambda trial: sign * _score(trial))[:count]

    @property
    def verdict(self) -> str:
        """What was found, and what to do next, in sentences."""
        counts = Counter(trial.state for trial in self.trials)
        words = [f"{len(self.trials)} trials"]
        words += [f"{counts[state]} {state}" for state in ("pruned", "failed") if counts[state]]
        told = ", ".join(words) + "."
        best = self.best
        if best is None:
            reasons = Counter(trial.reason for trial in self.trials if trial.reason)
            return f"{told} None was trained to the end: {_most_common(reasons)}"
        chosen = ", ".join(f"{name} {_short(value)}" for name, value in best.params.items())
        told += f" The best {self.metric} is {_score(best):.4g}, with {chosen}."
        edges = [name for name in best.params if self._is_at_an_edge(name, best.params[name])]
        if edges:
            those = " and ".join(edges)
            told += f" That is at the edge of the range of {those}: widen it, and search again."
        return told

    def _is_at_an_edge(self, name: str, value: Any) -> bool:
        axis = self.space[name]
        if isinstance(axis, Choice):
            return False
        to = math.log if isinstance(axis, LogUniform) else float
        share = (to(value) - to(axis.low)) / (to(axis.high) - to(axis.low))
        return not _EDGE <= share <= 1 - _EDGE


def _score(trial: SearchedTrial) -> float:
    return math.nan if trial.score is None else trial.score


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _most_common(reasons: Counter[str]) -> str:
    return reasons.most_common(1)[0][0] if reasons else "there was none."
