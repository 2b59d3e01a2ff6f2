"""Step 3: the rate that makes the loss go down, out of a ladder of rates and a range test."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._batches import (
    Batch,
    arrays_of,
    batches_of,
    endless,
    first_batches,
    rows_of,
    training_and_validation,
)
from keras_trainkit.callbacks._rate_runs import RateRuns
from keras_trainkit.callbacks.learning_rate_reading import LearningRateReading, Rung

_LADDER = (1e-1, 1e-2, 1e-3, 1e-4)  # the lecture's
_RANGE = (1e-7, 10.0)  # of the range test, and of what the ladder may be extended to
_JUDGED = 2048  # held-out rows that are looked at, at most
_AT_ONCE = 512
_GAIN = 0.5  # what the next doubling of the training gains, as a share of the last one's
_DIVERGED = 4.0  # times the best or first loss: the range test ends
_SMOOTH = 0.9  # of the moving average of its losses
_FLAT = 0.02  # of the loss: less is no movement


def find_learning_rate(
    build_or_model: keras.Model | Callable[[], keras.Model],
    data: Any,
    *,
    steps: int | None = None,
    iterations: int = 100,
    rates: Sequence[float] = _LADDER,
    batch_size: int = 32,
    seed: int = 0,
) -> LearningRateReading:
    """Tries learning rates from the same start, and suggests one for a training at that rate.

    Three looks, each from the initial weights on the same batches:

    - the range test: the rate rises exponentially from 1e-7 to 10, until the loss explodes;
    - the ladder: `iterations` steps at each of `rates`; where the best is at an end, a power of
      ten more;
    - the refinement: twice as many steps at half and quarter powers of ten round the best.

    Rates are judged by the loss on data that is not trained on, after half of the steps (f) and
    after all (e), since the loss of a few batches is mostly noise. A rate that is best after some
    hundred steps is too high for more of them, so that the rest of the training counts:

        expected = e (e / f)^(log2(steps / taken) / 2), where e < f

    Each doubling is taken to gain half of what the last one did (of the logarithm). The
    suggestion is the lowest point of a parabola through the logarithms of the refined.

    A build function is called once; each rate gets the model as it was then: fresh weights, an
    optimizer at its first step. With a model the search starts from its present weights, and
    weights, moving statistics, optimizer, schedule, metrics and seeds are afterwards as before,
    after an exception or Ctrl-C too. What is trained with is a copy of the optimizer, whose
    schedule, if it has one, is a constant.

    Args:
        build_or_model: A compiled `keras.Model`, or a function without arguments that returns one.
        data: `(train, validation)`, each `(x, y[, sample_weight])` or a dataset of such batches;
            of `(x, y[, sample_weight])` alone a fifth is held out; of a dataset alone the first
            batches judge, which are trained on as well. Small data repeat. A dataset that is
            shuffled anew whenever it is read gives each rate other batches.
        steps: How many steps the training shall have; None is ten times `iterations`.
        iterations: Steps at each rate of the ladder, and of the range test; at least 10.
        rates: The ladder, positive.
        batch_size: Of arrays; datasets have their own.
        seed: Of the weights that `build_or_model` makes, of the held-out rows and of shuffling.

    Returns:
        The suggestion, its reason, and all losses.

    Raises:
        ValueError: If an argument breaks its rule, `build_or_model` raises or returns no compiled
            model, its optimizer has no learning rate, its `train_step` another optimizer, or a
            batch before any step no finite loss.

    Example:

    >>> from keras_trainkit import tuning
    >>> def build():
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(128, 2)).astype("float32")
    >>> found = tuning.find_learning_rate(build, (x, x.sum(1)), iterations=20)
    >>> 0.01 < found.learning_rate < 1
    True
    >>> [rung.rate for rung in found.ladder]
    [1.0, 0.1, 0.01, 0.001, 0.0001]

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 3; Smith 2017, "Cyclical
    learning rates for training neural networks", section 3.3. The rule is ours.
    """
    who = "find_learning_rate"
    iterations = arguments.integer(who, "iterations", iterations, 10)
    steps = 10 * iterations if steps is None else arguments.integer(who, "steps", steps, 1)
    batch_size = arguments.integer(who, "batch_size", batch_size, 1)
    seed = arguments.integer(who, "seed", seed, 0)
    rates = sorted(arguments.numbers_of(who, "rates", rates), reverse=True)
    if not rates or rates[-1] <= 0:
        arguments.refuse(who, "rates", "be positive", rates)
    train, validation = training_and_validation(data)
    if hasattr(train, "__next__"):
        cure = "Give arrays or a dataset: each rate sees the same batches."
        arguments.refuse(who, "data", "be iterable more than once", type(train).__name__, cure)
    if validation is None:
        train, judged = _held_out(who, train, batch_size, 2 * iterations, seed)
    else:
        judged = _some(batches_of(who, validation, _AT_ONCE))
    example = first_batches(who, train, batch_size, 1)[0]
    model = built_model(who, "build_or_model", build_or_model, seed)

    with RateRuns(who, model, example) as runs:
        start = runs.evaluate(judged)
        if not math.isfinite(start):
            cure = "Look for NaN in the data, then at the initial weights (`check_activations`)."
            arguments.refuse(who, "data", "have a finite loss before any step", start, cure)
        search = _Search(runs, judged, steps, lambda: endless(who, train, batch_size, seed))
        tested, losses = search.range_test(iterations)
        runs.refuse_strangers()
        ladder = search.ladder(rates, iterations)
        refined: tuple[Rung, ...] = ()
        if _best(ladder).expected < start:
            refined = search.refine(_best(ladder).rate, 2 * iterations)
    rate: float | None = None
    if refined and _best(refined).expected < start:
        rate = float(f"{_lowest(refined):.2g}")
        words = _reason(rate, start, ladder, refined, steps, iterations)
    elif refined:
        words = _nothing_learns(refined, start, 2 * iterations)
    else:
        words = _nothing_learns(ladder, start, iterations)
    return LearningRateReading(rate, start, ladder, refined, tested, losses, steps, words)


def built_model(who: str, argument: str, build: Any, seed: int) -> keras.Model:
    """The model, or what the build function returns, once it is a compiled model."""
    model = build
    if not isinstance(build, keras.Model):
        if not callable(build):
            rule = "be a keras.Model or a function that returns one"
            arguments.refuse(who, argument, rule, type(build).__name__)
        keras.utils.set_random_seed(seed)
        try:
            model = build()
        except Exception as error:
            raise ValueError(
                f"`{who}`: `{argument}` raised {type(error).__name__}: {error}"
            ) from error
    if not isinstance(model, keras.Model):
        rule = "return a compiled keras.Model"
        arguments.refuse(who, argument, rule, type(model).__name__)
    if not model.compiled:
        what = "be compiled" if model is build else "return a compiled model"
        arguments.refuse(who, argument, what, model.name, "Call its `compile` first.")
    return model


class _Search:
    """The three looks, each from the start and on the same batches."""

    def __init__(
        self,
        runs: RateRuns,
        judged: Sequence[Batch],
        steps: int,
        batches: Callable[[], Iterator[Batch]],
    ) -> None:
        self._runs = runs
        self._judged = judged
        self._steps = steps
        self._batches = batches

    def range_test(self, iterations: int) -> tuple[np.ndarray, np.ndarray]:
        """Rates and losses, to where the loss explodes."""
        rates = np.geomspace(*_RANGE, iterations)
        losses: list[float] = []
        average, best = 0.0, math.inf
        for loss in self._losses(rates.tolist()):
            losses.append(loss)
            average = _SMOOTH * average + (1 - _SMOOTH) * loss
            smooth = average / (1 - _SMOOTH ** len(losses))
            best = min(best, smooth)
            if smooth - best > (_DIVERGED - 1) * max(abs(best), abs(losses[0])):
                break
        return rates[: len(losses)], np.array(losses)

    def ladder(self, rates: Sequence[float], iterations: int) -> tuple[Rung, ...]:
        """The rates, and powers of ten more while the best is at an end; the highest first."""
        rungs = [self._rung(rate, iterations) for rate in rates]
        return self._widened(rungs, 10.0, iterations)

    def refine(self, rate: float, iterations: int) -> tuple[Rung, ...]:
        """Half powers of ten round the rate, then quarters round the best."""
        half, quarter = 10**0.5, 10**0.25
        rungs = [self._rung(near, iterations) for near in (rate * half, rate, rate / half)]
        rungs = list(self._widened(rungs, half, iterations))
        best = _best(rungs).rate
        rungs += [self._rung(near, iterations) for near in (best * quarter, best / quarter)]
        return _falling(rungs)

    def _widened(self, rungs: list[Rung], factor: float, iterations: int) -> tuple[Rung, ...]:
        low, high = _RANGE
        while True:
            rungs = list(_falling(rungs))
            best = _best(rungs)
            above, below = rungs[0].rate * factor, rungs[-1].rate / factor
            if best is rungs[0] and above <= 1.01 * high:
                rungs.append(self._rung(above, iterations))
            elif best is rungs[-1] and below >= 0.99 * low:
                rungs.append(self._rung(below, iterations))
            else:
                return tuple(rungs)

    def _rung(self, rate: float, iterations: int) -> Rung:
        rate = float(f"{rate:.6g}")  # 0.001, where 0.01 / 10 is not quite
        taken = min(iterations, self._steps)
        half = max(taken // 2, 1)
        losses: list[float] = []
        middle = math.inf
        for loss in self._losses(itertools.repeat(rate, taken)):
            losses.append(loss)
            if len(losses) == half:
                middle = self._loss()
        end = self._loss() if math.isfinite(losses[-1]) else math.inf
        return Rung(rate, np.array(losses), middle, end, _expected(middle, end, taken, self._steps))

    def _losses(self, rates: Iterable[float]) -> Iterator[float]:
        """The losses of the batches from the start on, to one that is not finite."""
        self._runs.restart()
        for number, (rate, batch) in enumerate(zip(rates, self._batches(), strict=False), 1):
            loss = self._runs.step(rate, batch)
            yield loss
            if not math.isfinite(loss):
                self._runs.restart()
                first = self._runs.step(rate, batch)  # the rate's doing, or the batch's own?
                if not math.isfinite(first):
                    cure = f"Look for NaN in batch {number}."
                    rule = "have a finite loss on every batch"
                    arguments.refuse("find_learning_rate", "data", rule, first, cure)
                return

    def _loss(self) -> float:
        loss = self._runs.evaluate(self._judged)
        return loss if math.isfinite(loss) else math.inf


def _expected(middle: float, end: float, taken: int, steps: int) -> float:
    """The loss after `steps`, each doubling gaining half of what the last one did."""
    if not end < middle or steps <= taken:
        return end
    doublings = _GAIN * math.log2(steps / taken)
    if end <= 0 or not math.isfinite(middle):  # a loss that knows no ratio
        return end - doublings * (middle - end) if math.isfinite(middle) else end
    return end * (end / middle) ** doublings


def _lowest(rungs: Sequence[Rung]) -> float:
    """Where a parabola through the best and those within half a power of ten is lowest."""
    best = _best(rungs)
    positive = min(rung.expected for rung in rungs) > 0
    to = math.log if positive else float
    near = [
        (math.log10(rung.rate / best.rate), to(rung.expected))
        for rung in rungs
        if abs(math.log10(rung.rate / best.rate)) < 0.51 and math.isfinite(rung.expected)
    ]
    if positive:  # cliffs are no part of a valley
        near = [(place, height) for place, height in near if height < to(best.expected) + 1.5]
    if len(near) < 3:
        return best.rate
    places, heights = np.array(near).T
    curvature, slope, _ = np.polyfit(places, heights, 2)
    if curvature <= 0:
        return best.rate
    return float(best.rate * 10 ** np.clip(-slope / (2 * curvature), -0.25, 0.25))


def _best(rungs: Sequence[Rung]) -> Rung:
    """That of the lowest loss; where all blow up the lowest rate."""
    return min(rungs, key=lambda rung: (rung.expected, rung.rate))


def _falling(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    return tuple(sorted(rungs, key=lambda rung: -rung.rate))


def _held_out(
    who: str, train: Any, batch_size: int, most: int, seed: int
) -> tuple[Any, list[Batch]]:
    """What is left to train on, of which no more than `most` batches are seen, and the judges."""
    arrays = arrays_of(train, who)
    if arrays is None:
        return train, _some(batches_of(who, train, batch_size))
    first_batches(who, train, batch_size, 1)
    order = np.random.default_rng(seed).permutation(arrays.rows)
    count = min(arrays.rows // 5, _JUDGED)
    if not count:
        return train, [arrays]
    judged = _some(batches_of(who, tuple(rows_of(arrays, order[:count])), _AT_ONCE))
    return tuple(rows_of(arrays, order[count : count + most * batch_size])), judged


def _some(batches: Iterator[Batch]) -> list[Batch]:
    """The first batches of one size, up to so many rows."""
    taken: list[Batch] = []
    rows = 0
    for batch in batches:
        if taken and batch.rows != taken[0].rows:
            break
        taken.append(batch)
        rows += batch.rows
        if rows >= _JUDGED:
            break
    if not rows:
        arguments.refuse("find_learning_rate", "data", "hold at least one batch", "none")
    return taken


def _reason(
    rate: float,
    start: float,
    ladder: Sequence[Rung],
    refined: Sequence[Rung],
    steps: int,
    iterations: int,
) -> str:
    best = _best(refined)
    words = (
        f"Take {rate:.2g}. The loss starts at {start:.3g}; of {len(ladder)} rates for "
        f"{min(iterations, steps)} steps each, {_best(ladder).rate:g} promises most, and "
        f"of {len(refined)} rates round it, for {min(2 * iterations, steps)} steps, {best.rate:.2g}"
        f" (loss {best.end:.3g})"
    )
    words += f", with a training of {steps} steps in view." if steps > 2 * iterations else "."
    blown = [rung.rate for rung in ladder if not rung.end < max(start, 2 * best.end)]
    still = [rung.rate for rung in ladder if abs(rung.end - start) < _FLAT * abs(start)]
    high = [rate for rate in blown if rate > best.rate and rate not in still]
    low = [rate for rate in still if rate < best.rate]
    if high:
        words += f" From {min(high):g} on the loss explodes."
    if low:
        words += f" At {max(low):g} it hardly moves."
    return words


def _nothing_learns(rungs: Sequence[Rung], start: float, iterations: int) -> str:
    if start == 0:
        return (
            "The loss is 0 before any step. Look for sample weights that are all 0, and for a "
            "`train_step` that reports a loss which `test_step` does not."
        )
    tried = f"No rate from {rungs[-1].rate:g} to {rungs[0].rate:g} "
    if not any(math.isfinite(rung.end) for rung in rungs):
        return (
            f"{tried}keeps the loss finite for {iterations} steps. Look for a gradient that is "
            "not finite, as that of a square root or a logarithm at 0."
        )
    return (
        f"{tried}lowers the loss below the {start:.3g} of the start within {iterations} steps. "
        "Look at the initial loss and at the activations (`check_initial_loss`, "
        "`check_activations`), at the labels, and whether a few batches can be "
        "learned at all (`overfit_small_sample`)."
    )
