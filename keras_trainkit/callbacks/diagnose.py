"""Reads learning curves as one would by eye."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._direction import direction
from keras_trainkit.callbacks.diagnosis import MEANINGS, Diagnosis

_FEWEST = 5  # epochs below which there is no trend to read
_MOVE = 0.015  # what counts as rising or falling
_AHEAD, _NO_GAP, _WIDE_GAP = 0.03, 0.04, 0.06
_SOLVED = 0.98
_GAINED = 0.03  # of validation over the run
_HALF = 0.5  # of the first epoch, whose mean has the start in it
_LEARNED = 0.05  # the share of its first value that the training loss has to lose
_GUESSING = 1.25  # times -log(accuracy), which is the loss of a guess among equals
_BLOWN = 4.0  # times the least loss
_NATS = 10.0  # the cross-entropy of a guess among 22,000 classes
_PLUNGE = 10.0  # from the first epoch, whose mean has the start in it, to the second
_SHAKEN = 0.3  # jitter of the logarithm of the loss
_NOISE = 0.02
_FALL = 0.7  # a learning rate this many times the last one has fallen
_HELD = 1.05  # times its least, a learning rate has stood still
_LEAP = 0.1  # of the logarithm of the loss


def diagnose(
    history: Mapping[str, Sequence[float]] | keras.callbacks.History,
    metric: str | None = None,
    mode: str = "auto",
) -> Diagnosis:
    """Reads the curves of a training run and says what they ask for.

    A line is fitted to the last third of the epochs (at least six). Its end is the value at the
    end, its climb is the trend. Differences are measured in points of the metric; of a loss, in
    shares of the training loss of the first epoch. Jitter is the deviation of one epoch from the
    next, over the second half.

    - diverged: the last training loss is not finite, or the last value of validation is infinite;
    - exploding: over the last third the training loss is (in the median) above where it began
      and four times the size of its least; or above 10 and jumping by more than 1, where the
      history has an accuracy, so that the loss is in nats; or ten times below the first epoch in
      the second and still with a jitter of 0.3 in its logarithm;
    - not learning: the training loss lost less than 5% of where it began, or than twice its
      jitter, and the validation metric gained less than 0.03, or than three times its jitter,
      nor does it climb by 0.05 and two standard errors, nor has training reached 0.98. Both
      begin with the second epoch (the mean of the first has the start in it) where the loss ends
      as that of a guess among equals; the loss does, too, where it is read and keeps half of the
      first;
    - still rising: the line of the validation metric climbs by 0.015 and by two standard errors;
    - past its best: it ends 0.015, and three times the scatter round the line, below the best
      mean of three epochs;
    - wide gap: training ends 0.06 or more ahead of validation; no gap: at most 0.04, or two
      standard errors; validation ahead: it is ahead by 0.03 and by two standard errors;
    - late start: for three epochs or more the training loss, in means of three epochs, stays
      within a tenth of the way that it goes in the end, then goes a fifth of it in as many;
      neither does the validation loss start earlier, nor was the rate still being warmed up;
    - step: where `learning_rate` falls to 0.7 of itself or less, having stood still (within 5%)
      for three epochs, the mean of the logarithm of the training loss over five epochs falls by
      0.1, and by 0.63 times the scatter round a line through the ten epochs before (it takes
      eight), more than at the pace of that line, less two standard errors;
    - noisy: validation has a jitter of 0.02 or more.

    Fewer than five values are too few for any but the first two. Where one of the curves is
    missing there is no gap, and the other is judged.

    The training metric is the epoch's mean over augmented, mixed and dropped-out batches while
    the weights moved, so that it understates: a gap in truth is wider than it looks here.

    Args:
        history: What `fit` returns, or its `history`: a value for each epoch under the names of
            the metrics and, with `val_` before them, of their validation. NaN marks an epoch
            without a value. `learning_rate` (see `callbacks.LearningRateLogger`) lets steps be
            seen.
        metric: Which to read, with or without `val_`; the first accuracy where it is None, else
            `"loss"`.
        mode: `"max"` where more is better, `"min"` where less is, `"auto"` to go by the name.

    Returns:
        The findings, the numbers behind them, and the verdict.

    Raises:
        ValueError: If the history has no such metric, its direction is not known, or it is no
            history of numbers.

    Example:

    >>> reading = diagnose({
    ...     "accuracy": [0.5, 0.7, 0.8, 0.9, 0.98, 0.98, 0.99, 0.99, 0.99, 0.99],
    ...     "val_accuracy": [0.5, 0.6, 0.65, 0.66, 0.68, 0.67, 0.67, 0.67, 0.67, 0.67],
    ... })
    >>> reading.headline
    'Levelled off, wide gap'
    >>> reading.tone, round(reading.gap, 2), reading.best_epoch
    ('warn', 0.32, 5)

    Source: CS231n 2020, lecture 8, "Look at learning curves!"; the thresholds are ours, set on
    curves of networks that were trained into each state (`benchmarks/labelled_curves.py`).
    """
    who = "diagnose"
    curves = _curves(who, history)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    if metric is None:
        metric = next((name for name in names if "acc" in name), "loss")
    metric = str(metric).removeprefix("val_")  # callbacks that stop or save are told `val_loss`
    if metric not in names:
        arguments.refuse(who, "metric", f"be one of {', '.join(names)}", metric)
    better = 1 if direction(who, "metric", metric, mode) == "max" else -1
    training, validation, loss, val_loss, rate = (
        _numbers(who, name, curves.get(name, ()))
        for name in (metric, f"val_{metric}", "loss", "val_loss", "learning_rate")
    )
    loss = loss if loss.size else training
    finite = training[np.isfinite(training)]
    scale = abs(finite[0]) if better < 0 and finite.size and finite[0] else 1.0

    judged = validation if np.isfinite(validation).any() else training
    points = better * judged / scale
    own = better * training / scale if finite.size else points
    line = _Line.through(points)
    epochs = max(training.size, validation.size, loss.size)
    # With `validation_freq`, `History` leaves the epochs without a value out.
    every = epochs // max(len(points), 1)
    best = _best(points) * every or None
    ends = _last(training), _last(validation)
    ahead, behind = _Line.through(training), _Line.through(validation)
    gap = better * (ahead.end - behind.end) / scale
    gap_error = math.hypot(ahead.end_error, behind.end_error) / scale
    lost, noise = _lost(points, line), _jitter(points)
    late_start, steps = _late_start(loss, val_loss, rate), _steps(loss, rate)

    broken, which = _first_of_last(loss, ~np.isfinite(loss)), "training loss"
    if not broken:
        broken = every * _first_of_last(validation, np.isinf(validation))
        which = f"validation {metric}"

    findings: tuple[str, ...]
    if broken:
        findings = ("diverged",)
    elif _exploded(loss, any("acc" in name for name in names)):
        findings = ("exploding",)
    elif np.isfinite(judged).sum() < _FEWEST:
        findings = ("too short" if epochs < _FEWEST else "too few",)
    elif _stuck(loss, own, points, line, "acc" in metric):
        findings = ("not learning",)
    else:
        more = {
            "late start": late_start > 0,
            "step": bool(steps),
            "noisy": judged is validation and noise >= _NOISE,
        }
        findings = (_trend(line, lost), _distance(gap, gap_error, ends, better))
        findings += tuple(finding for finding, found in more.items() if found)

    data = ("training", "validation")
    values = [f"{name} {_short(end)}" for name, end in zip(data, ends, strict=True) if end == end]
    facts = {
        "which": which,
        "broken": broken,
        "losses": f"{_short(loss[0])} in the first epoch, {_short(loss[-1])} in the last"
        if loss.size
        else "",
        "fewest": _FEWEST,
        "epochs": epochs,
        "count": np.isfinite(judged).sum(),
        "values": ", ".join(values) or "nothing yet",
        "floor": "" if better > 0 else ", unless the noise in the data allows no less",
        "judged": "Training" if judged is training else "Validation",
        "best": best,
        "late_start": late_start,
        "steps": ", ".join(map(str, steps)),
        "noise": _short(noise * scale),
    }
    verdict = " ".join(MEANINGS[finding].words.format(**facts) for finding in findings)
    return Diagnosis(
        findings, verdict, metric, *ends, best, gap, line.climb, lost, noise, late_start, steps
    )


def _curves(who: str, history: Any) -> Mapping[str, Any]:
    curves = getattr(history, "history", history)
    if isinstance(curves, Mapping) and curves and all(isinstance(name, str) for name in curves):
        return curves
    arguments.refuse(who, "history", "be a `History`, or a mapping of names to curves", curves)


def _numbers(who: str, name: str, values: Any) -> np.ndarray:
    try:
        curve = np.asarray(values, "float64")
    except (TypeError, ValueError):
        curve = np.empty(())
    if curve.ndim != 1:
        arguments.refuse(who, "history", f"hold a number for each epoch as {name!r}", values)
    return curve


@dataclass(frozen=True)
class _Line:
    """A least-squares line."""

    end: float
    end_error: float  # standard
    climb: float
    climb_error: float
    scatter: float

    @classmethod
    def through(cls, values: np.ndarray) -> _Line:
        """Through the last third of the finite values."""
        values = values[np.isfinite(values)]
        count = min(len(values), max(6, round(len(values) / 3)))
        if count < 4:
            return cls(_last(values), math.inf, 0.0, math.inf, math.inf)
        return cls.of(values[-count:])

    @classmethod
    def of(cls, y: np.ndarray) -> _Line:
        count = len(y)
        x = np.arange(count) - (count - 1) / 2
        slope, middle = np.dot(x, y) / np.dot(x, x), y.mean()
        scatter = math.sqrt(np.sum((y - middle - slope * x) ** 2) / (count - 2))
        width, error = count - 1, scatter / math.sqrt(np.dot(x, x))
        end_error = math.hypot(scatter / math.sqrt(count), error * width / 2)
        end = float(middle + slope * width / 2)
        return cls(end, end_error, slope * width, error * width, scatter)


def _last(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if finite.size else math.nan


def _last_third(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return finite[-max(round(len(finite) / 3), 1) :]


def _short(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= abs(value) < 100 else f"{value:.2g}"


def _best(points: np.ndarray) -> int:
    """Counted from 1; 0 where none is finite."""
    if not np.isfinite(points).any():
        return 0
    return 1 + int(np.argmax(np.where(np.isfinite(points), points, -np.inf)))


def _first_of_last(curve: np.ndarray, bad: np.ndarray) -> int:
    """The first bad value, counted from 1, after the last finite one; 0 where there is none."""
    places = np.flatnonzero(bad)
    after = places[places > np.flatnonzero(np.isfinite(curve)).max(initial=-1)]
    return int(after[0]) + 1 if after.size else 0


def _lost(points: np.ndarray, line: _Line) -> float:
    finite = points[np.isfinite(points)]
    return float(_means_of_three(finite).max() - line.end) if len(finite) >= 3 else 0.0


def _means_of_three(values: np.ndarray) -> np.ndarray:
    return np.convolve(values, np.ones(3) / 3, "valid")


def _jitter(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    jumps = np.diff(finite[len(finite) // 2 :])
    return float(np.std(jumps) / math.sqrt(2)) if jumps.size > 1 else 0.0


def _exploded(loss: np.ndarray, in_nats: bool) -> bool:
    finite = loss[np.isfinite(loss)]
    if len(finite) < 2:
        return False
    end = np.median(_last_third(finite))
    if in_nats and end > _NATS and _jitter(finite) > 1:
        return True
    least = finite.min()
    plunged = least > 0 and finite[0] > _PLUNGE * finite[1]
    if plunged and _jitter(np.log(finite)) > _SHAKEN:
        return True
    return bool(end > max(_BLOWN * abs(least), finite[0]))


def _stuck(
    loss: np.ndarray, points: np.ndarray, judged: np.ndarray, line: _Line, accuracy: bool
) -> bool:
    loss = loss[np.isfinite(loss)]
    if len(loss) < 2:
        return False
    end, reached = _last_third(loss).mean(), _last_third(points).mean()
    guessing = accuracy and 0 < reached < 1 and 0 < end < _GUESSING * -math.log(reached)
    gained = _last_third(judged).mean() - judged[np.isfinite(judged)][1 if guessing else 0]
    if (
        gained >= max(_GAINED, 3 * _jitter(judged))
        or reached >= _SOLVED
        or line.climb >= max(_LEARNED, 2 * line.climb_error)
    ):
        return False
    first = 1 if guessing or (not accuracy and end > _HALF * loss[0]) else 0
    return bool(loss[first] - end < max(_LEARNED * abs(loss[first]), 2 * _jitter(loss)))


def _trend(line: _Line, lost: float) -> str:
    if line.climb >= max(_MOVE, 2 * line.climb_error):
        return "rising"
    return "falling" if lost >= max(_MOVE, 3 * line.scatter) else "level"


def _distance(gap: float, error: float, ends: tuple[float, float], better: int) -> str:
    if math.isinf(error):  # of a curve that is missing, or all but
        return "no validation" if math.isnan(ends[1]) else "no training"
    if gap >= _WIDE_GAP:
        return "wide gap"
    if gap > max(_NO_GAP, 2 * error):
        return "some gap"
    if better > 0 and ends[0] >= _SOLVED:
        return "solved"
    return "validation ahead" if -gap >= max(_AHEAD, 2 * error) else "no gap"


def _late_start(loss: np.ndarray, val_loss: np.ndarray, rate: np.ndarray) -> int:
    if len(loss) < _FEWEST or not np.isfinite(loss).all():
        return 0
    smooth = _means_of_three(loss)
    way = smooth[0] - smooth.min()
    still = int(np.argmax(np.abs(smooth - smooth[0]) > 0.1 * way))
    twice = min(2 * still, len(smooth) - 1)
    if still < 2 or smooth[still - 1] - smooth[twice] < 0.2 * way:
        return 0
    if np.isfinite(val_loss[:1]).any():
        began = val_loss < val_loss[0] - 0.1 * (val_loss[0] - np.nanmin(val_loss))
        if began[:2].any():
            return 0
    warming = len(rate) == len(loss) and rate[still] > 1.5 * rate[0]
    return 0 if warming else still + 1


def _steps(loss: np.ndarray, rate: np.ndarray) -> tuple[int, ...]:
    if len(rate) != len(loss) or not loss.size or not loss.min() > 0:
        return ()
    logs = np.log(loss)  # where a steady fall is a straight line
    found = []
    for fall in range(8, len(loss) - 2):
        held = rate[fall - 3 : fall]  # a smooth schedule only passes by
        if not (rate[fall] <= _FALL * held[-1] and held.max() <= _HELD * held.min()):
            continue
        before = logs[max(fall - 10, 0) : fall]
        after = logs[fall + 1 : fall + 6]  # the epoch of the fall may stand in the middle
        course = _Line.of(before)
        pace = max(-course.climb - 2 * course.climb_error, 0) / (len(before) - 1)
        anyway = pace * (1 + (5 + len(after)) / 2)
        leap = before[-5:].mean() - after.mean() - anyway
        if leap >= max(_LEAP, 0.63 * course.scatter):
            found.append(fall + 1)
    return tuple(found)
