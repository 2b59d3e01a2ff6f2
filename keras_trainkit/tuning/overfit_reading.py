"""How a small sample was learned, and the picture of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_trainkit.callbacks.draw_curves import (
    INK,
    POINT,
    TRAINING,
    moving_average,
    plain,
    ticker,
    titled_figure,
)

_LOG_RATIO = 20.0  # beyond, the losses are drawn on a logarithmic scale


@dataclass(frozen=True)
class OverfitReading:
    """What `overfit_small_sample` found.

    Attributes:
        passed: Whether the sample was learned.
        finding: `"learned"`, `"not going down"`, `"exploding"`, `"partly"`, `"too early"` (the time
            limit) or `"cannot be judged"`.
        accuracy: The last share of labels that are right; NaN for losses without classes.
        losses: The loss of each batch before its step.
        accuracies: Of some epochs; empty for losses without classes.
        asked: Those epochs.
        rows: How many rows the sample has.
        epochs: How many there were.
        seconds: How long they took.
        verdict: The finding in words, and what to do.
    """

    passed: bool
    finding: str
    accuracy: float
    losses: np.ndarray = field(repr=False, compare=False)
    accuracies: np.ndarray = field(repr=False, compare=False)
    asked: np.ndarray = field(repr=False, compare=False)
    rows: int
    epochs: int
    seconds: float
    verdict: str

    def __str__(self) -> str:
        return self.verdict

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the losses of the batches, and the accuracies.

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


def _draw(reading: OverfitReading) -> Any:
    figure = titled_figure(f"A small sample: {reading.finding}", reading.verdict)
    both = reading.accuracies.size > 0
    plots = np.atleast_1d(figure.subplots(1, 2 if both else 1))
    figure.subplots_adjust(left=0.06, right=0.97, bottom=0.105, top=0.755, wspace=0.17)
    _draw_losses(plots[0], reading)
    if both:
        plots[1].set_title("Accuracy", loc="left", size=11, color=INK)
        plots[1].plot(reading.asked, reading.accuracies, color=TRAINING, lw=1.6, marker="o", ms=3)
        plots[1].set_ylim(0, 1.03)
    for axes in plots:
        axes.set_xlabel("epoch", color=INK)
        axes.set_xlim(0, reading.epochs + 0.5)
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        plain(axes)
    return figure


def _draw_losses(axes: Any, reading: OverfitReading) -> None:
    axes.set_title("Loss", loc="left", size=11, color=INK)
    losses = reading.losses
    places = np.arange(1, losses.size + 1) * reading.epochs / losses.size
    finite = np.where(np.isfinite(losses), losses, np.nan)
    axes.plot(places, finite, ".", color=POINT, ms=5)
    width = 1 + 2 * (losses.size // 30)
    axes.plot(places, moving_average(losses, width), color=TRAINING, lw=1.8)
    seen = losses[np.isfinite(losses)]
    if seen.size and seen.min() > 0 and seen.max() > _LOG_RATIO * seen.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
