"""The lecture's picture: how optimizers walk over one surface."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.arguments import integer, numbers_of, one_of, refuse
from keras_trainkit._core.lazy import plt


@dataclass(frozen=True)
class Surface:
    """A function of the plane, and the part of it to look at."""

    value: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], tuple[Any, Any]]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    box: tuple[float, float, float, float]  # x from, x to, y from, y to
    noise: float = 0.0  # the deviation of what is added to the gradient


def _bowl(noise: float) -> Surface:
    return Surface(
        value=lambda x, y: (x**2 + 25 * y**2) / 2,
        slope=lambda x, y: (x, 25 * y),
        start=(-2.0, 0.8),
        minima=((0.0, 0.0),),
        box=(-2.4, 0.8, -1.2, 1.2),
        noise=noise,
    )


SURFACES = {
    "bowl": _bowl(noise=0.0),
    "noisy_bowl": _bowl(noise=2.0),
    "rosenbrock": Surface(
        value=lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        slope=lambda x, y: (2 * (x - 1) - 400 * x * (y - x**2), 200 * (y - x**2)),
        start=(-1.2, 1.0),
        minima=((1.0, 1.0),),
        box=(-1.8, 1.6, -0.6, 2.4),
    ),
    "saddle": Surface(
        value=lambda x, y: (x**2 - y**2) / 2 + y**4 / 4,
        slope=lambda x, y: (x, y**3 - y),
        start=(1.5, 1e-3),
        minima=((0.0, -1.0), (0.0, 1.0)),
        box=(-1.2, 1.8, -1.6, 1.6),
    ),
}


def trajectory(
    optimizer: Any, surface: str, steps: int, start: Sequence[float] | None = None, seed: int = 0
) -> np.ndarray:
    """The points that an optimizer visits, of shape (steps + 1, 2), in float32.

    A new optimizer is made of its config; the one given is not touched. The noise of
    `"noisy_bowl"` is drawn from `seed`: the same for each optimizer.
    """
    ground = SURFACES[surface]
    walker = type(optimizer).from_config(optimizer.get_config())
    point = keras.Variable(np.array(start or ground.start, "float32"), dtype="float32")
    noise = ground.noise * np.random.default_rng(seed).standard_normal((steps, 2))
    path = [ops.convert_to_numpy(point).copy()]
    for extra in noise:
        with np.errstate(over="ignore", invalid="ignore"):  # some fly away
            slope = np.array(ground.slope(*path[-1].astype("float64"))) + extra
        walker.apply([ops.convert_to_tensor(slope, "float32")], [point])
        path.append(ops.convert_to_numpy(point).copy())
    return np.stack(path)


def plot_trajectories(
    optimizers: Mapping[str, Any] | Sequence[Any],
    surface: str = "bowl",
    steps: int = 100,
    start: Sequence[float] | None = None,
    seed: int = 0,
    ax: Any = None,
) -> Any:
    """Draws the ways of several optimizers over one surface.

    The surfaces are the lecture's: `"bowl"`, (x^2 + 25 y^2) / 2, where plain SGD jitters across
    and creeps along; `"saddle"`, (x^2 - y^2) / 2 + y^4 / 4, where it sits at (0, 0), started
    close to the ridge; `"rosenbrock"`, (1 - x)^2 + 100 (y - x^2)^2, a bent valley; and
    `"noisy_bowl"`, the bowl with normal noise of deviation 2 on each gradient, as of minibatches.

    Args:
        optimizers: Keras optimizers, the kit's or others: a sequence, or a dictionary with their
            names. They are not touched: copies of them walk.
        surface: `"bowl"`, `"noisy_bowl"`, `"rosenbrock"` or `"saddle"`. Defaults to `"bowl"`.
        steps: The number of steps, at least 1. Defaults to 100.
        start: The first point (x, y). Defaults to the surface's own.
        seed: That of the noise, which is the same for all. Defaults to 0.
        ax: The `matplotlib.axes.Axes` to draw into. Defaults to those of a new figure.

    Returns:
        The `matplotlib.axes.Axes`; their picture is `.figure`.

    Raises:
        ValueError: If there is no optimizer, or no such surface.

    Example:

    >>> import io
    >>> from keras_trainkit.optimizers import SGD, Adam, plot_trajectories
    >>> optimizers = {"SGD": SGD(0.07), "momentum": SGD(0.02, momentum=0.9), "Adam": Adam(0.1)}
    >>> axes = plot_trajectories(optimizers, "bowl", steps=20)
    >>> axes.figure.savefig(io.BytesIO())  # or a path
    """
    one_of("plot_trajectories", "surface", surface, sorted(SURFACES))
    steps = integer("plot_trajectories", "steps", steps, minimum=1)
    if start is not None:
        start = numbers_of("plot_trajectories", "start", start, 2)
    named = (
        dict(optimizers)
        if isinstance(optimizers, Mapping)
        else {_label(optimizer): optimizer for optimizer in optimizers}
    )
    if not named:
        refuse("plot_trajectories", "optimizers", "hold at least one optimizer", optimizers)
    if ax is None:
        figure = plt.figure(figsize=(8, 5.2 + 0.2 * len(named)), layout="constrained")
        ax, legend_of = figure.add_subplot(), figure.legend
        place = {"loc": "outside lower left"}
    else:
        legend_of, place = ax.legend, {}
    _draw_surface(ax, SURFACES[surface])
    for index, (name, optimizer) in enumerate(named.items()):
        x, y = trajectory(optimizer, surface, steps, start, seed).T
        style = ("-", "--", ":", "-.")[index // 10 % 4]  # after ten, the colours come again
        ax.plot(x, y, style, marker=".", markersize=4, linewidth=1.4, label=name, zorder=3)
    x, y = start or SURFACES[surface].start
    ax.plot(x, y, "o", color="black", markersize=6, markerfacecolor="white", zorder=4)
    legend_of(frameon=False, fontsize=9, **place)
    return ax


def _draw_surface(ax: Any, ground: Surface) -> None:
    left, right, bottom, top = ground.box
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    height = ground.value(x, y)
    lowest = min(float(ground.value(*point)) for point in ground.minima)
    # Heights above the minimum in a row of powers: the valley's floor shows as well as its walls.
    levels = lowest + (height.max() - lowest) * np.geomspace(1e-4, 1, 18)
    ax.contour(
        x, y, height, levels=levels, colors="0.75", linewidths=0.7, linestyles="solid", zorder=1
    )
    ax.plot(*np.transpose(ground.minima), "*", color="black", markersize=10, zorder=4)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y")
    ax.spines[["top", "right"]].set_visible(False)


def _label(optimizer: Any) -> str:
    """The class, the rate, and what else is not the default."""
    config, parts = optimizer.get_config(), []
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        value = config.get(name)
        told = name == "learning_rate" or (name != "name" and value != parameter.default)
        if isinstance(getattr(optimizer, name, None), keras.optimizers.Optimizer):
            parts.append(_label(getattr(optimizer, name)))  # a wrapped one
        elif told and isinstance(value, bool | int | float | str):
            shown = f"{value:.4g}" if isinstance(value, float) else value
            parts.append(f"{name}={shown}")
    return f"{type(optimizer).__name__}({', '.join(parts)})"
