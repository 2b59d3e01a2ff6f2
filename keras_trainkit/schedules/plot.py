"""A picture of schedules."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import plt
from keras_trainkit.schedules.base import describe, length
from keras_trainkit.schedules.combining import as_schedule

_POINTS = 500  # nearly as fine as the axes have pixels


def plot(schedules: Any, steps: int, ax: Any = None) -> Any:
    """Draws one schedule, or several over each other, from step 0 to `steps`.

    Each is called with whole steps, as an optimizer does, at 500 of them.

    Args:
        schedules: Any `keras.optimizers.schedules.LearningRateSchedule` or number, or a sequence
            of them.
        steps: The last step drawn, at least 1.
        ax: The `matplotlib.axes.Axes` to draw into.  Defaults to those of a new figure.

    Returns:
        The `matplotlib.axes.Axes`; their picture is `.figure`.

    Raises:
        ValueError: If there is nothing to draw.

    Example:

    >>> import io
    >>> from keras_trainkit.schedules import CosineDecay, Warmup, plot
    >>> axes = plot([CosineDecay(0.1, 900), Warmup(0.1, 100)], steps=1000)
    >>> axes.figure.savefig(io.BytesIO())  # or a path
    """
    curves = list(schedules) if isinstance(schedules, list | tuple) else [schedules]
    if not curves:
        refuse("plot", "schedules", "hold at least one schedule", schedules)
    curves = [as_schedule("plot", "schedules", schedule) for schedule in curves]
    at = np.unique(np.linspace(0, length("plot", "steps", steps), _POINTS).astype(int))
    legend: dict[str, Any] = {"frameon": False, "fontsize": 9}
    if ax is None:
        figure = plt.figure(figsize=(8, 4.2 + 0.2 * len(curves)), layout="constrained")
        ax, legend_of = figure.add_subplot(), figure.legend
        legend["loc"] = "outside lower left"  # names are long, and curves go everywhere
    else:
        legend_of = ax.legend
    for index, schedule in enumerate(curves):
        rates = [float(schedule(int(step))) for step in at]
        style = ("-", "--", ":", "-.")[index // 10 % 4]  # after ten, the colours come again
        ax.plot(at, rates, style, linewidth=1.6, label=describe(schedule))
    ax.set(xlabel="step", ylabel="learning rate")
    ax.set_xlim(0, steps)
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    legend_of(**legend)
    return ax
