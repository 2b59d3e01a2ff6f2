"""What became of the loss at each learning rate, and the picture of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_trainkit.callbacks.draw_curves import (
    BROKEN,
    FAINT,
    INK,
    POINT,
    TRAINING,
    VALIDATION,
    moving_average,
    plain,
    ticker,
    titled_figure,
)

_LOG_RATIO = 20.0  # beyond, the losses are drawn on a logarithmic scale
_TOP = 1.6  # of the loss at the start: what is above is cut off


@dataclass(frozen=True)
class Rung:
    """A rate, and what became of the loss under it.

    Attributes:
        rate: The learning rate.
        losses: Of the batches, each before its step; it ends where one is not finite.
        middle: The loss on the judging data after half of the steps.
        end: The same after all of them; infinity where it blew up.
        expected: `end`, and what the rest of the training should still gain.
    """

    rate: float
    losses: np.ndarray = field(repr=False, compare=False)
    middle: float
    end: float
    expected: float


@dataclass(frozen=True)
class LearningRateReading:
    """What `find_learning_rate` found.

    Attributes:
        learning_rate: The suggestion; None where no rate lowers the loss.
        start: The loss on the judging data before any step.
        ladder: Powers of ten for `iterations` steps each, the highest first.
        refined: Rates round the best of them, for twice as many steps.
        rates: Of the range test, rising from step to step.
        losses: Its batch losses, to where they explode.
        steps: The length of training that the suggestion is for.
        verdict: The suggestion and its reason, in sentences.
    """

    learning_rate: float | None
    start: float
    ladder: tuple[Rung, ...] = field(repr=False)
    refined: tuple[Rung, ...] = field(repr=False)
    rates: np.ndarray = field(repr=False, compare=False)
    losses: np.ndarray = field(repr=False, compare=False)
    steps: int
    verdict: str

    def __str__(self) -> str:
        return self.verdict

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the ladder, the range test, and by rate the losses that judged.

        Args:
            path: A file to write, ending in .png, .svg or .pdf.

        Returns:
            A `matplotlib.figure.Figure`, which no window shows.

        Raises:
            ModuleNotFoundError: If matplotlib is missing.
        """
        figure = _draw(self)
        if path is not None:
            figure.savefig(path)
        return figure


def _draw(reading: LearningRateReading) -> Any:
    found = reading.learning_rate
    headline = "No learning rate learns" if found is None else f"Learning rate {found:.2g}"
    figure = titled_figure(headline, reading.verdict)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    figure.subplots_adjust(left=0.06, right=0.97, bottom=0.105, top=0.755, wspace=0.17)
    low, high = _heights(reading)
    _draw_ladder(left, reading.ladder, high)
    _draw_by_rate(right, reading)
    for axes in (left, right):
        plain(axes)
        if low > 0 and high > _LOG_RATIO * low:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.set_ylim(low, high)
    right.xaxis.set_minor_locator(ticker.NullLocator())
    return figure


def _heights(reading: LearningRateReading) -> tuple[float, float]:
    """All that is below a bit more than the start."""
    rungs = (*reading.ladder, *reading.refined)
    losses = np.concatenate([reading.losses, *(rung.losses for rung in rungs), [reading.start]])
    losses = losses[np.isfinite(losses)]
    early = [rung.losses[:1] for rung in rungs]
    first = float(np.median(np.concatenate(early)))
    high = max(reading.start + (_TOP - 1) * abs(reading.start), first + 0.1 * abs(first))
    ends = np.array([rung.end for rung in rungs])
    low = min(float(ends.min()), float(np.median(losses))) / 1.5
    if low <= 0 or high <= _LOG_RATIO * low:  # no logarithms
        low = min(0.0, 1.05 * min(float(losses.min()), float(ends.min())))
    return low, high if high > low else low + 1


def _draw_ladder(axes: Any, ladder: tuple[Rung, ...], high: float) -> None:
    axes.set_title("Batch losses at each rate", loc="left", size=11, color=INK)
    axes.set_xlabel("step", color=INK)
    shades = np.linspace(0.25, 1.0, len(ladder))
    for rung, shade in zip(reversed(ladder), shades, strict=True):
        losses = np.minimum(np.nan_to_num(rung.losses, nan=np.inf), 1e3 * abs(high))
        width = 1 + 2 * (len(losses) // 12)
        smooth = moving_average(losses, width)
        line = {"color": TRAINING, "alpha": shade, "lw": 1.8}
        if not math.isfinite(rung.end) or rung.end > high:
            line = {"color": BROKEN, "alpha": 0.9, "lw": 1.4, "ls": (0, (4, 3))}
        axes.plot(np.arange(1, len(smooth) + 1), smooth, label=f"{rung.rate:g}", **line)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="upper right",
        fontsize=9,
        labelcolor=INK,
        edgecolor="none",
        framealpha=0.85,
    )


def _draw_by_rate(axes: Any, reading: LearningRateReading) -> None:
    axes.set_title("Loss by rate", loc="left", size=11, color=INK)
    axes.set_xlabel("learning rate", color=INK)
    axes.set_xscale("log")
    axes.plot(reading.rates, reading.losses, ".", color=POINT, ms=4, label="range test, each batch")
    width = 1 + 2 * (len(reading.losses) // 20)
    axes.plot(reading.rates, moving_average(reading.losses, width), color=FAINT, lw=1.4)
    for rungs, marker, what in (
        (reading.ladder, "s", "ladder, afterwards"),
        (reading.refined, "o", "round the best, afterwards"),
    ):
        seen = [rung for rung in rungs if math.isfinite(rung.end)]
        if seen:
            places, heights = [rung.rate for rung in seen], [rung.end for rung in seen]
            axes.plot(
                places, heights, marker, ms=5, color=VALIDATION, label=what,
                mfc="none" if marker == "s" else VALIDATION,
            )  # fmt: skip
    if reading.learning_rate is not None:
        axes.axvline(reading.learning_rate, color=INK, lw=1.2, ls=(0, (4, 3)), label="suggestion")
    axes.xaxis.set_major_locator(ticker.LogLocator(numticks=12))
    axes.legend(loc="lower left", fontsize=9, labelcolor=INK, edgecolor="none", framealpha=0.85)
