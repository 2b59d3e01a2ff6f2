"""The picture of a training run: losses as points with a moving average, and the metric."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.callbacks.diagnosis import Diagnosis

# The object API: no window, no backend, no state shared with the user's own figures.
_figure: Any = LazyModule("matplotlib.figure", "plots")
ticker: Any = LazyModule("matplotlib.ticker", "plots")

INK, FAINT, PAPER = "#22303c", "#8a97a3", "#ffffff"
TRAINING, POINT, VALIDATION, BROKEN = "#2563a8", "#9dbfe0", "#d9661f", "#b3261e"
_DOTS = 5000  # points drawn at most; the average is over all
_LOG_RATIO = 20.0  # beyond, the losses are drawn on a logarithmic scale
_NARROWEST = 0.1  # of the scale of an accuracy


@dataclass(frozen=True)
class Curves:
    """What is drawn of a training run.

    Attributes:
        positions: Where each loss was measured, in epochs: 2.5 is the middle of the third.
        losses: The loss of those batches.
        batches: How many batches each of `losses` is the mean of.
        history: The values of each epoch by name, as in `History.history`; NaN where an epoch
            has none.
        epochs: The epochs of `history`, counted from 1.
    """

    positions: np.ndarray = field(default_factory=lambda: np.empty(0))
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    batches: int = 1
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    epochs: Sequence[int] = ()


def draw_curves(curves: Curves, reading: Diagnosis) -> Any:
    """Draws the loss of the batches, the metric of the epochs, and the verdict above them.

    Args:
        curves: The run so far.
        reading: What `tuning.diagnose` says of it.

    Returns:
        A `matplotlib.figure.Figure`, which no window shows; `savefig` writes it.

    Example:

    >>> from keras_trainkit.callbacks.diagnose import diagnose
    >>> history = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}
    >>> curves = Curves(np.array([0.5, 1.0]), np.array([1.2, 0.8]), 1, history, (1, 2))
    >>> [axes.get_title(loc="left") for axes in draw_curves(curves, diagnose(history)).axes]
    ['Loss', 'Loss by epoch']
    """
    figure = titled_figure(reading.headline, reading.verdict)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    figure.subplots_adjust(left=0.06, right=0.905, bottom=0.105, top=0.755, wspace=0.17)
    _draw_losses(left, curves)
    _draw_metric(right, curves, reading)
    edges = [*curves.epochs, *np.ceil(curves.positions[[0, -1]] if curves.positions.size else [1])]
    first, last = min(edges) - 1, max(edges)
    for axes in (left, right):
        axes.set_xlabel("epoch", color=INK)
        axes.set_xlim(first, last + 0.01 * (last - first))
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        plain(axes)
    return figure


def titled_figure(headline: str, verdict: str) -> Any:
    """A figure that no window shows, with a headline and what it means above its axes."""
    figure = _figure.Figure(figsize=(11, 5), dpi=120, facecolor=PAPER)
    figure.text(0.06, 0.955, headline, size=16, weight="bold", color=INK, va="center")
    verdict = textwrap.fill(verdict, 135)
    figure.text(0.06, 0.912, verdict, size=10, color=INK, va="top", linespacing=1.35)
    return figure


def plain(axes: Any) -> None:
    """Two thin sides, a faint grid."""
    axes.tick_params(colors=FAINT, labelcolor=INK, labelsize=9)
    axes.grid(color=FAINT, alpha=0.2, linewidth=0.7)
    axes.set_facecolor(PAPER)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def require_matplotlib() -> None:
    """Raises where matplotlib is missing, with the line that installs it."""
    _ = _figure.Figure, ticker.MaxNLocator


def moving_average(values: np.ndarray, width: int, every: int = 1) -> np.ndarray:
    """The mean of the `width` values round each one, of those there are, NaN left out.

    Args:
        values: An array of shape `(n,)`.
        width: An odd number.
        every: Only every so manieth value has its mean taken.

    Returns:
        An array of shape `(ceil(n / every),)`; NaN where all values of a window are.

    Example:

    >>> print(moving_average(np.array([1.0, 2.0, 6.0, np.nan]), 3))
    [1.5 3.  4.  6. ]
    """
    centres = np.arange(0, len(values), every)
    starts = np.maximum(centres - width // 2, 0)
    stops = np.minimum(centres + width // 2 + 1, len(values))
    edges = np.stack([starts, stops], 1).ravel()
    finite = np.isfinite(values)
    # Each window is summed by itself: a running sum would carry a spike's rounding on.
    total = np.add.reduceat(np.append(np.where(finite, values, 0.0), 0.0), edges)[::2]
    count = np.add.reduceat(np.append(finite, 0.0), edges)[::2]
    return np.divide(total, count, out=np.full(len(centres), np.nan), where=count > 0)


def _draw_losses(axes: Any, curves: Curves) -> None:
    axes.set_title("Loss", loc="left", size=11, color=INK)
    positions, losses = curves.positions, curves.losses
    drawn = []
    if losses.size:
        width = 1 + 2 * (len(losses) // 60)  # about thirty windows in the picture
        every = 1 + len(losses) // _DOTS
        where, shown = positions[::every], losses[::every]
        what = "each batch" if curves.batches == 1 else f"mean of {curves.batches} batches each"
        size = 3.5 if len(shown) > 200 else 6
        drawn += axes.plot(where, shown, ".", color=POINT, markersize=size, label=what)
        if width > 1:
            average = np.where(np.isfinite(shown), moving_average(losses, width, every), np.nan)
            name = f"moving average of {width}"
            drawn += axes.plot(where, average, color=TRAINING, lw=1.8, label=name)
    elif "loss" in curves.history:
        drawn += _line(axes, curves, "loss", TRAINING, "training")
    if "val_loss" in curves.history:
        drawn += _line(axes, curves, "val_loss", VALIDATION, "validation")

    heights = np.concatenate([line.get_ydata() for line in drawn] or [losses])
    heights = heights[np.isfinite(heights)]
    if heights.size and heights.min() > 0 and heights.max() > _LOG_RATIO * heights.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
    broken = np.flatnonzero(~np.isfinite(losses))
    if broken.size:
        where = positions[broken[0]]
        axes.axvline(where, color=BROKEN, lw=1.2, ls=(0, (4, 3)))
        side = "left" if where < positions[-1] / 2 else "right"
        axes.annotate(
            "not finite from here",
            (where, 0.5),
            xycoords=("data", "axes fraction"),
            xytext=(6 if side == "left" else -6, 0),
            textcoords="offset points",
            color=BROKEN,
            size=9,
            ha=side,
        )
    if drawn:
        _legend(axes, drawn, "upper right")


def _draw_metric(axes: Any, curves: Curves, reading: Diagnosis) -> None:
    name = reading.metric
    title = "Loss by epoch" if name == "loss" else name.replace("_", " ").capitalize()
    axes.set_title(title, loc="left", size=11, color=INK)
    epochs = np.asarray(curves.epochs)
    named = {"training": (name, TRAINING), "validation": (f"val_{name}", VALIDATION)}
    drawn = {
        label: (np.asarray(curves.history[key], "float64"), color)
        for label, (key, color) in named.items()
        if key in curves.history and np.isfinite(curves.history[key]).any()
    }
    for label, (_, color) in drawn.items():
        _line(axes, curves, named[label][0], color, label)
    if len(drawn) == 2:
        axes.fill_between(
            epochs, drawn["training"][0], drawn["validation"][0], color=INK, alpha=0.05, lw=0
        )
    if drawn and reading.best_epoch in epochs:
        label = "validation" if "validation" in drawn else "training"
        values, color = drawn[label]
        best = values[np.flatnonzero(epochs == reading.best_epoch)[0]]
        words = f"best {label}, {best:.3g} in epoch {reading.best_epoch}"
        ring = {"ms": 10, "mfc": "none", "mec": color, "mew": 1.4, "lw": 0}
        (mark,) = axes.plot([reading.best_epoch], [best], "o", clip_on=False, label=words, **ring)
        _legend(axes, [mark], "best")
    if not drawn:
        axes.text(
            0.5, 0.5, "after the first epoch", transform=axes.transAxes, ha="center", color=FAINT
        )
        axes.set_yticks([])
    low, high = axes.get_ylim()
    if low >= 0 and high <= 1.1 and high - low < _NARROWEST:  # noise should not look like news
        middle = (low + high) / 2
        axes.set_ylim(middle - _NARROWEST / 2, middle + _NARROWEST / 2)
    _label_ends(axes, drawn)


def _legend(axes: Any, lines: Sequence[Any], place: str) -> None:
    axes.legend(
        handles=lines, loc=place, fontsize=9, labelcolor=INK, edgecolor="none", framealpha=0.85
    )


def _line(axes: Any, curves: Curves, key: str, color: str, label: str) -> list[Any]:
    values = np.asarray(curves.history[key], "float64")
    there = np.isfinite(values)
    marker = "o" if there.sum() <= 40 else None
    epochs = np.asarray(curves.epochs)
    return axes.plot(
        epochs[there], values[there], color=color, lw=1.6, marker=marker, ms=3, label=label
    )


def _label_ends(axes: Any, drawn: Mapping[str, Any]) -> None:
    """The name and last value at the right end of each line, apart where the lines meet."""
    ends = {label: values[np.isfinite(values)][-1] for label, (values, _) in drawn.items()}
    low, high = axes.get_ylim()
    close = len(ends) == 2 and abs(np.subtract(*ends.values())) < 0.09 * (high - low)
    for label, end in ends.items():
        place = "center" if not close else "bottom" if end == max(ends.values()) else "top"
        axes.annotate(
            f"{label}\n{end:.3g}",
            (1, end),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            color=drawn[label][1],
            size=9,
            va=place,
            annotation_clip=False,
        )
