"""Reads learning curves as one would by eye: still rising, wide gap, no gap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._direction import direction

_FEWEST = 5  # epochs below which there is no trend to read
_MOVE = 0.02  # what counts as rising or falling
_NO_GAP = 0.02
_WIDE_GAP = 0.10
_SOLVED = 0.98
_LEARNED = 0.05  # the share of its first value that the training loss has to lose

_MEANINGS = {  # finding: its words in the headline, what it is and what it asks for
    "diverged": (
        "Diverged",
        "The training loss is not finite from epoch {broken} on. Lower the learning rate or warm "
        "it up, clip the gradients, and look for NaN in the data.",
    ),
    "too short": (
        "Too short to judge",
        "A trend takes at least {fewest} epochs; after {epochs}: {values}.",
    ),
    "not learning": (
        "Not learning",
        "The training loss hardly moved ({values}). The learning rate is far too low or too high, "
        "or the initial weights are wrong: overfit a few batches first.",
    ),
    "rising": ("Still rising", "{judged} is still improving: train longer."),
    "falling": (
        "Past its best",
        "{judged} has become worse since epoch {best}: keep that snapshot and stop earlier.",
    ),
    "level": ("Levelled off", "{judged} has levelled off."),
    "wide gap": (
        "Wide gap",
        "Training is far ahead ({values}), so the network overfits: regularise it more or get "
        "more data.",
    ),
    "some gap": (
        "Moderate gap",
        "Training is a little ahead ({values}), as it should be: for more, a bigger network and "
        "more regularisation together.",
    ),
    "no gap": (
        "No gap",
        "Training is not ahead ({values}), so the network underfits: make it bigger, train it "
        "longer or regularise it less.",
    ),
    "solved": ("No gap", "Training and validation agree ({values}): little is left to gain."),
    "validation ahead": (
        "Validation ahead",
        "Validation is ahead ({values}), because training is measured on augmented batches and "
        "with dropout: measure the training set as it is to see the gap.",
    ),
    "no validation": ("No validation", "Without validation data there is no gap to see."),
}


@dataclass(frozen=True)
class CurvesReading:
    """What `read_curves` saw.

    Attributes:
        findings: `"diverged"`, `"too short"` or `"not learning"` alone; else one of `"rising"`,
            `"falling"`, `"level"` and one of `"wide gap"`, `"some gap"`, `"no gap"`, `"solved"`
            (no gap, and both at 0.98 or more), `"validation ahead"`, `"no validation"`.
        verdict: The same in sentences, and what each asks for.
        metric: The metric that was read.
        training: Its last finite value on the training data, or NaN.
        validation: The same on the validation data.
        best_epoch: The epoch, counted from 1, of the best value on the validation data (on the
            training data where there is none); None where no value is finite.
    """

    findings: tuple[str, ...]
    verdict: str
    metric: str
    training: float
    validation: float
    best_epoch: int | None

    @property
    def headline(self) -> str:
        """The findings in a line, as a title."""
        words = [_MEANINGS[finding][0] for finding in self.findings]
        return ", ".join([words[0], *(word.lower() for word in words[1:])])


def read_curves(
    history: Mapping[str, Sequence[float]], metric: str | None = None, mode: str = "auto"
) -> CurvesReading:
    """Reads the curves of a training run and says what they ask for.

    A line is fitted to the last third of the epochs (at least four). Its end is the value at the
    end, its climb is the trend. Differences are measured in points of the metric; of a loss, in
    shares of the training loss of the first epoch.

    - still rising: the line of the validation metric climbs by 0.02 and by two standard errors;
    - past its best: it ends 0.02, and three times the scatter round the line, below the best mean
      of three epochs;
    - wide gap: training ends 0.10 or more ahead of validation; no gap: 0.02 or less, validation
      ahead: -0.02 or less;
    - not learning: the training loss lost less than 5% of its first value, and the training
      metric gained less than 0.02;
    - fewer than five epochs are too few for a trend.

    The training metric is the epoch's mean over augmented, mixed and dropped-out batches while
    the weights moved, so that it understates: a gap in truth is wider than it looks here.

    Args:
        history: `History.history`: a value for each epoch under the names of the metrics and,
            with `val_` before them, of their validation. NaN marks an epoch without a value.
        metric: Which to read; the first accuracy where it is None, else `"loss"`.
        mode: `"max"` where more is better, `"min"` where less is, `"auto"` to go by the name.

    Returns:
        The findings and the verdict.

    Raises:
        ValueError: If the history has no such metric, or its direction is not known.

    Example:

    >>> reading = read_curves({
    ...     "accuracy": [0.5, 0.7, 0.8, 0.88, 0.94, 0.97, 0.98, 0.99],
    ...     "val_accuracy": [0.5, 0.6, 0.65, 0.66, 0.67, 0.66, 0.67, 0.67],
    ... })
    >>> reading.headline
    'Levelled off, wide gap'

    Source: CS231n 2020, lecture 8, "Look at learning curves!"; the thresholds are ours.
    """
    who = "read_curves"
    if metric is None:
        metric = next((name for name in history if "acc" in name and "val_" not in name), "loss")
    if metric not in history:
        arguments.refuse(who, "metric", f"be one of {', '.join(history)}", metric)
    better = 1 if direction(who, "metric", metric, mode) == "max" else -1
    training = np.asarray(history[metric], "float64")
    validation = np.asarray(history.get(f"val_{metric}", ()), "float64")
    loss = np.asarray(history.get("loss", training), "float64")
    finite = training[np.isfinite(training)]
    scale = abs(finite[0]) if better < 0 and finite.size and finite[0] else 1.0

    judged = validation if np.isfinite(validation).any() else training
    best = _best_epoch(better * judged, len(training))
    ends = _last(training), _last(validation)
    gap = better * (_Line.through(training).end - _Line.through(validation).end) / scale
    short = np.isfinite(judged).sum() < _FEWEST

    findings: tuple[str, ...]
    if loss.size and not np.isfinite(loss[-1]):
        findings = ("diverged",)
    elif short:
        findings = ("too short",)
    elif _stuck(loss, better * training / scale):
        findings = ("not learning",)
    else:
        findings = (_trend(better * judged / scale), _distance(gap, ends, better))

    names = ("training", "validation")
    values = [f"{name} {_short(end)}" for name, end in zip(names, ends, strict=True) if end == end]
    facts = {
        "broken": 1 + int(np.argmin(np.isfinite(loss))) if loss.size else 0,
        "fewest": _FEWEST,
        "epochs": len(training),
        "values": ", ".join(values) or "nothing yet",
        "judged": "Training" if judged is training else "Validation",
        "best": best,
    }
    verdict = " ".join(_MEANINGS[finding][1].format(**facts) for finding in findings)
    return CurvesReading(findings, verdict, metric, *ends, best)


@dataclass(frozen=True)
class _Line:
    """The least-squares line through the last third of the finite values."""

    end: float
    climb: float
    error: float  # standard, of the climb
    scatter: float

    @classmethod
    def through(cls, values: np.ndarray) -> _Line:
        values = values[np.isfinite(values)]
        count = min(len(values), max(4, round(len(values) / 3)))
        if count < 4:
            return cls(_last(values), 0.0, math.inf, math.inf)
        y = values[-count:]
        x = np.arange(count) - (count - 1) / 2
        slope, middle = np.dot(x, y) / np.dot(x, x), y.mean()
        scatter = math.sqrt(np.sum((y - middle - slope * x) ** 2) / (count - 2))
        error = scatter / math.sqrt(np.dot(x, x))
        width = count - 1
        return cls(float(middle + slope * width / 2), slope * width, error * width, scatter)


def _last(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if finite.size else math.nan


def _short(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= abs(value) < 100 else f"{value:.2g}"


def _best_epoch(points: np.ndarray, epochs: int) -> int | None:
    if not np.isfinite(points).any():
        return None
    every = epochs // len(points)  # `validation_freq`, where epochs without a value are left out
    return (1 + int(np.nanargmax(np.where(np.isfinite(points), points, -np.inf)))) * every


def _stuck(loss: np.ndarray, points: np.ndarray) -> bool:
    lost = loss[0] - np.nanmin(loss)
    gained = np.nanmax(points) - points[0]
    return bool(lost < _LEARNED * abs(loss[0]) and gained < _MOVE and points[-1] < _SOLVED)


def _trend(points: np.ndarray) -> str:
    line = _Line.through(points)
    if line.climb >= max(_MOVE, 2 * line.error):
        return "rising"
    finite = points[np.isfinite(points)]
    best = np.convolve(finite, np.ones(3) / 3, "valid").max()
    return "falling" if best - line.end >= max(_MOVE, 3 * line.scatter) else "level"


def _distance(gap: float, ends: tuple[float, float], better: int) -> str:
    if math.isnan(gap):
        return "no validation"
    if gap >= _WIDE_GAP:
        return "wide gap"
    if gap > _NO_GAP:
        return "some gap"
    if better > 0 and min(ends) >= _SOLVED:
        return "solved"
    return "no gap" if gap > -_NO_GAP else "validation ahead"
