"""The picture of an ensemble: what each member adds, and how well it is calibrated."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.inference.calibration import Calibration

# The object API: no window, no backend, no state shared with the user's own figures.
_figure: Any = LazyModule("matplotlib.figure", "plots")
_ticker: Any = LazyModule("matplotlib.ticker", "plots")

_INK, _FAINT, _PAPER = "#22303c", "#8a97a3", "#ffffff"
_AVERAGE, _SINGLE, _GAP = "#2563a8", "#9dbfe0", "#d9661f"


def draw_report(report: Any) -> Any:
    """Draws accuracy and loss as members are added, and the reliability of the average.

    Args:
        report: An `EnsembleReport`.

    Returns:
        A `matplotlib.figure.Figure`, which no window shows; `savefig` writes it.
    """
    figure = _figure.Figure(figsize=(13, 5), dpi=120, facecolor=_PAPER)
    accuracy, loss, reliability = figure.subplots(1, 3, width_ratios=(1, 1, 0.8))
    figure.subplots_adjust(left=0.055, right=0.975, bottom=0.115, top=0.755, wspace=0.24)
    figure.text(0.055, 0.955, report.headline, size=16, weight="bold", color=_INK, va="center")
    verdict = textwrap.fill(report.verdict, 165)
    figure.text(0.055, 0.912, verdict, size=10, color=_INK, va="top", linespacing=1.35)

    _draw_growth(accuracy, report.accuracies, report.averaged_accuracies, best="upper")
    accuracy.set_title("Accuracy", loc="left", size=11, color=_INK)
    accuracy.yaxis.set_major_formatter(_ticker.FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    _draw_growth(loss, report.losses, report.averaged_losses, best="lower")
    loss.set_title("Negative log-likelihood", loc="left", size=11, color=_INK)
    for axes in (accuracy, loss):
        axes.set_xlabel("members averaged", color=_INK)
        axes.xaxis.set_major_locator(_ticker.MaxNLocator(integer=True))
        axes.set_xlim(0.6, len(report.names) + 0.4)
    if report.averaged_calibration.counts.any():
        _draw_reliability(reliability, report.averaged_calibration)
    for axes in (accuracy, loss, reliability):
        axes.tick_params(colors=_FAINT, labelcolor=_INK, labelsize=9)
        axes.grid(color=_FAINT, alpha=0.2, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_facecolor(_PAPER)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(_FAINT)
    return figure


def _draw_growth(axes: Any, single: Any, averaged: Any, best: str) -> None:
    """The members as points, their mean as a line, and the average as it grows."""
    numbers = np.arange(1, len(single) + 1)
    mean = float(np.mean(single))
    axes.axhline(mean, color=_FAINT, lw=1.2, ls=(0, (4, 3)), label="mean of single ones")
    axes.fill_between(numbers, mean, averaged, color=_AVERAGE, alpha=0.07, lw=0)
    axes.plot(numbers, single, "o", color=_SINGLE, ms=6, label="each member alone")
    axes.plot(numbers, averaged, "o-", color=_AVERAGE, lw=1.8, ms=4, label="average so far")
    low, high = axes.get_ylim()
    axes.margins(y=0.1)
    room = 0.32 * (high - low)  # for the legend, where no line goes
    axes.set_ylim(*((low - room, high) if best == "upper" else (low, high + room)))
    axes.legend(
        loc="lower right" if best == "upper" else "upper right",
        fontsize=9,
        labelcolor=_INK,
        edgecolor="none",
        framealpha=0.85,
    )


def _draw_reliability(axes: Any, calibration: Calibration) -> None:
    """Accuracy by confidence, as far from the diagonal as it is wrong, over how many there are."""
    there = calibration.counts > 0
    confidences, accuracies = calibration.confidences[there], calibration.accuracies[there]
    shares = calibration.counts / calibration.counts.sum()
    width = 1 / len(shares)
    axes.bar(
        calibration.edges[:-1],
        0.25 * shares / shares.max(),
        width=0.9 * width,
        align="edge",
        color=_FAINT,
        alpha=0.25,
        lw=0,
    )
    axes.plot([0, 1], [0, 1], color=_FAINT, lw=1.2, ls=(0, (4, 3)))
    axes.vlines(confidences, accuracies, confidences, color=_GAP, lw=2, alpha=0.7)
    sizes = 12 + 130 * shares[there] / shares.max()
    axes.scatter(confidences, accuracies, s=sizes, color=_AVERAGE, zorder=3, lw=0, clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence", color=_INK)
    axes.set_ylabel("share that is right", color=_INK)
    words = {"transform": axes.transAxes, "size": 9, "color": _FAINT}
    axes.text(0.03, 0.96, "above the line:\nmore often right\nthan it says", va="top", **words)
    axes.text(0.97, 0.28, "below it: less often", ha="right", **words)
    title = f"Reliability, calibration error {calibration.error:.1%}"
    axes.set_title(title, loc="left", size=11, color=_INK)
