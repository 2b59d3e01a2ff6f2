"""The picture of the activations: a histogram a layer, and what becomes of them with depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_trainkit.callbacks.check_activations import ActivationReading, LayerActivations
from keras_trainkit.callbacks.draw_curves import (
    BROKEN,
    FAINT,
    INK,
    POINT,
    TRAINING,
    plain,
    ticker,
    titled_figure,
)

_NAMED = 16  # layers beyond which only some have their names below them


def draw_activations(readings: Sequence[ActivationReading]) -> Any:
    """Draws the last reading, and beside it the deviations of the first.

    Args:
        readings: What `check_activations` said at the start, and after epochs, if it was asked.

    Returns:
        A `matplotlib.figure.Figure`, which no window shows; `savefig` writes it.

    Example:

    >>> import keras
    >>> from keras_trainkit.callbacks import check_activations
    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu")])
    >>> reading = check_activations(model, np.ones((4, 8)))
    >>> [axes.get_title(loc="left") for axes in draw_activations([reading]).axes]
    ['Activations (widths: square roots of shares)', 'Standard deviation', 'Share']
    """
    reading = readings[-1]
    figure = titled_figure(f"Activations {reading.finding}", reading.verdict)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.6, 1), hspace=0.42, wspace=0.14)
    grid.update(left=0.06, right=0.97, bottom=0.21, top=0.76)
    left, above, below = map(figure.add_subplot, (grid[:, 0], grid[0, 1], grid[1, 1]))
    left.set_title("Activations (widths: square roots of shares)", loc="left", size=11, color=INK)
    for place, layer in enumerate(reading.layers):
        _draw_histogram(left, place, layer)
    _draw_deviations(above, readings)
    _draw_shares(below, reading.layers)
    for axes in (left, above, below):
        plain(axes)
        axes.grid(visible=False, axis="x")
        axes.set_xlim(-0.6, len(reading.layers) - 0.4)
        _name_layers(axes, reading.layers if axes is left else None)
    return figure


def _draw_histogram(axes: Any, place: int, layer: LayerActivations) -> None:
    if not layer.counts.any():
        return
    widths = 0.42 * np.sqrt(layer.counts / layer.counts.max())
    axes.stairs(
        place + widths,
        layer.edges,
        baseline=place - widths,
        orientation="horizontal",
        fill=True,
        color=POINT,
    )
    axes.plot([place - 0.3, place + 0.3], [layer.mean] * 2, color=TRAINING, lw=1.4)


def _draw_deviations(axes: Any, readings: Sequence[ActivationReading]) -> None:
    axes.set_title("Standard deviation", loc="left", size=11, color=INK)
    first = [layer.deviation for layer in readings[0].layers]
    last = [layer.deviation for layer in readings[-1].layers]
    if len(readings) > 1:
        axes.plot(first, color=FAINT, lw=1.4, ls=(0, (4, 3)), label="at the start")
    axes.plot(last, color=TRAINING, lw=1.6, marker="o", ms=4, label="now")
    if len(readings) > 1:
        _legend(axes)
    seen = [value for value in (*first, *last) if math.isfinite(value)]
    if seen and min(seen) > 0:
        axes.set_yscale("log")
        low, high = min(seen), max(seen)
        middle = math.sqrt(low * high)
        # at least a decade and a half: small differences should not look like a collapse
        axes.set_ylim(min(low / 1.5, middle / 5.6), max(high * 1.5, middle * 5.6))
        axes.yaxis.set_major_locator(ticker.LogLocator(numticks=5))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()


def _draw_shares(axes: Any, layers: Sequence[LayerActivations]) -> None:
    axes.set_title("Share", loc="left", size=11, color=INK)
    places = np.arange(len(layers))
    axes.bar(places - 0.18, [layer.zeros for layer in layers], 0.34, color=FAINT, label="zero")
    saturated = [np.nan_to_num(layer.saturated) for layer in layers]
    axes.bar(places + 0.18, saturated, 0.34, color=BROKEN, label="saturated")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    _legend(axes)


def _legend(axes: Any) -> None:
    """Beside the title, since data may be anywhere."""
    place = {"loc": "lower right", "bbox_to_anchor": (1, 0.97), "ncols": 2, "borderpad": 0}
    axes.legend(**place, fontsize=9, labelcolor=INK, edgecolor="none", framealpha=0)


def _name_layers(axes: Any, layers: Sequence[LayerActivations] | None) -> None:
    if layers is None:
        axes.set_xticks([])
        return
    shown = range(0, len(layers), 1 + (len(layers) - 1) // _NAMED)
    names = [layers[place].name for place in shown]
    axes.set_xticks(shown, names, rotation=30, ha="right", rotation_mode="anchor")
