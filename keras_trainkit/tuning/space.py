"""The ranges that hyperparameters are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule

_distributions: Any = LazyModule("optuna.distributions", "tuning")
_ROOM = 0.5  # of the spread of the best, on each side


@dataclass(frozen=True)
class Uniform:
    """A number from `low` to `high`.

    Args:
        low: The lower end.
        high: The upper end, above `low`.

    Raises:
        ValueError: If the range is empty, reversed or not finite.

    Example:

    >>> Uniform(0.0, 0.5).grid(3)
    (0.0, 0.25, 0.5)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        low = arguments.number(self, "low", self.low)
        object.__setattr__(self, "low", low)
        high = arguments.number(self, "high", self.high, above=low, cure="The lower end is first.")
        object.__setattr__(self, "high", high)

    def distribution(self) -> Any:
        """What Optuna calls it."""
        return _distributions.FloatDistribution(self.low, self.high)

    def grid(self, points: int) -> tuple[float, ...]:
        """So many values, from end to end."""
        return tuple(np.linspace(self.low, self.high, points).tolist())

    def holds(self, value: float) -> bool:
        """Whether a value is in the range."""
        return self.low <= value <= self.high

    def narrowed(self, values: Sequence[float]) -> Uniform:
        """The part round the values, half their spread wider on each side."""
        low, high = _round(values, self.low, self.high)
        return Uniform(low, high)


@dataclass(frozen=True)
class LogUniform:
    """A number from `low` to `high`, whose logarithm is uniform: for rates and decays.

    Args:
        low: The lower end, above 0.
        high: The upper end, above `low`.

    Raises:
        ValueError: If the range is empty, reversed, not finite, or includes zero.

    Example:

    >>> [round(rate, 6) for rate in LogUniform(1e-4, 1e-1).grid(4)]
    [0.0001, 0.001, 0.01, 0.1]

    Source: Bergstra and Bengio 2012, "Random search for hyper-parameter optimization", section 2.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        cure = "A range with zero has no logarithm: use Choice([0.0, 1e-5, 1e-4]) or Uniform."
        low = arguments.number(self, "low", self.low, above=0.0, cure=cure)
        object.__setattr__(self, "low", low)
        high = arguments.number(self, "high", self.high, above=low, cure="The lower end is first.")
        object.__setattr__(self, "high", high)

    def distribution(self) -> Any:
        """What Optuna calls it."""
        return _distributions.FloatDistribution(self.low, self.high, log=True)

    def grid(self, points: int) -> tuple[float, ...]:
        """So many values, from end to end, of equal ratios."""
        return tuple(np.geomspace(self.low, self.high, points).tolist())

    def holds(self, value: float) -> bool:
        """Whether a value is in the range."""
        return self.low <= value <= self.high

    def narrowed(self, values: Sequence[float]) -> LogUniform:
        """The part round the values, half their spread (of the logarithms) wider on each side."""
        low, high = _round(np.log(values).tolist(), math.log(self.low), math.log(self.high))
        # The values stay inside, whatever exp and log round.
        low, high = min(math.exp(low), *values), max(math.exp(high), *values)
        return LogUniform(max(low, self.low), min(high, self.high))


@dataclass(frozen=True)
class IntUniform:
    """A whole number from `low` to `high`, both included.

    Args:
        low: The lower end, a whole number.
        high: The upper end, above `low`.

    Raises:
        ValueError: If the range is empty or reversed, or an end is no whole number.

    Example:

    >>> IntUniform(8, 64).grid(3)
    (8, 36, 64)
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if arguments.number(self, name, value) != int(value):
                arguments.refuse(self, name, "be a whole number", value)
            object.__setattr__(self, name, int(value))
        if self.high <= self.low:
            rule = f"be above low = {self.low}"
            arguments.refuse(self, "high", rule, self.high, "The lower end is first.")

    def distribution(self) -> Any:
        """What Optuna calls it."""
        return _distributions.IntDistribution(self.low, self.high)

    def grid(self, points: int) -> tuple[int, ...]:
        """So many values (fewer where there are not as many), from end to end."""
        return tuple(
            dict.fromkeys(np.linspace(self.low, self.high, points).round().astype(int).tolist())
        )

    def holds(self, value: float) -> bool:
        """Whether a value is in the range."""
        return self.low <= value <= self.high

    def narrowed(self, values: Sequence[int]) -> IntUniform:
        """The part round the values, half their spread wider on each side."""
        low, high = _round(values, self.low, self.high)
        low, high = math.floor(low), math.ceil(high)
        return IntUniform(low, high) if low < high else self


@dataclass(frozen=True)
class Choice:
    """One of several values: numbers, strings, booleans or None.

    Args:
        choices: The values, at least one.

    Raises:
        ValueError: If there are none, one is something else or NaN, or two are equal.

    Example:

    >>> Choice(["adam", "sgd"]).choices
    ('adam', 'sgd')
    """

    choices: tuple[Any, ...]

    def __init__(self, choices: Sequence[Any]) -> None:
        if isinstance(choices, str) or not isinstance(choices, Sequence) or not choices:
            arguments.refuse(self, "choices", "be a list of at least one value", choices)
        plain = tuple(x.item() if isinstance(x, np.generic) else x for x in choices)
        for x in plain:
            if not isinstance(x, str | int | float | bool | None):
                rule = "hold numbers, strings, booleans or None, which can be kept with a trial"
                arguments.refuse(self, "choices", rule, x, "Name it, and build it from its name.")
        if any(x != x for x in plain):
            arguments.refuse(self, "choices", "hold no NaN, which equals nothing", plain)
        if len(set(plain)) < len(plain):
            cure = "1, 1.0 and True are equal."
            arguments.refuse(self, "choices", "hold each value once", plain, cure)
        object.__setattr__(self, "choices", plain)

    def distribution(self) -> Any:
        """What Optuna calls it."""
        return _distributions.CategoricalDistribution(self.choices)

    def grid(self, points: int) -> tuple[Any, ...]:
        """All of them, however many are asked for."""
        return self.choices

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.choices

    def narrowed(self, values: Sequence[Any]) -> Choice:
        """Those among the values."""
        return Choice([x for x in self.choices if x in values])


Axis = Uniform | LogUniform | IntUniform | Choice
Space = Mapping[str, Axis]


def check_space(owner: str, space: Any) -> dict[str, Axis]:
    """The space, once it is one."""
    if not isinstance(space, Mapping) or not space:
        rule = "map names to Uniform, LogUniform, IntUniform or Choice"
        arguments.refuse(owner, "space", rule, space)
    for name, axis in space.items():
        if not isinstance(axis, Axis):
            rule = f"map {name!r} to Uniform, LogUniform, IntUniform or Choice"
            arguments.refuse(owner, "space", rule, axis)
    return dict(space)


def as_json(space: Space) -> dict[str, Any]:
    """The space in plain values."""
    return {
        name: {"class_name": type(axis).__name__, **_plain(axis)} for name, axis in space.items()
    }


def from_json(values: Mapping[str, Any]) -> dict[str, Axis]:
    """The space that `as_json` wrote."""
    kinds = {kind.__name__: kind for kind in (Uniform, LogUniform, IntUniform, Choice)}
    return {
        name: kinds[axis["class_name"]](**{k: v for k, v in axis.items() if k != "class_name"})
        for name, axis in values.items()
    }


def _plain(axis: Axis) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(axis).items()}


def _round(values: Sequence[float], low: float, high: float) -> tuple[float, float]:
    spread = max(values) - min(values) or (high - low) / 8
    return max(low, min(values) - _ROOM * spread), min(high, max(values) + _ROOM * spread)
