"""Keras' `factor` arguments: one number, or a pair of bounds."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from keras_trainkit._core import arguments

Factor = float | tuple[float, float]
Number = TypeVar("Number", int, float)


def checked(owner: object, name: str, factor: Any, minimum: float, maximum: float) -> Factor:
    """The number or pair, as plain Python values inside [minimum, maximum].

    A single number stands for a symmetric or a one-sided range, which `owner` decides; it must
    not be negative.
    """
    if isinstance(factor, list | tuple) or np.ndim(factor):
        return arguments.interval(owner, name, factor, minimum, maximum)
    return arguments.number(owner, name, factor, minimum=0, maximum=maximum)


def symmetric(factor: Factor) -> tuple[float, float]:
    """(-factor, factor), or the pair itself."""
    return factor if isinstance(factor, tuple) else (-factor, factor)


def one_sided(factor: Factor) -> tuple[float, float]:
    """(0, factor), or the pair itself."""
    return factor if isinstance(factor, tuple) else (0.0, factor)


def both(number: Number | tuple[Number, Number]) -> tuple[Number, Number]:
    """(number, number), or the pair itself."""
    return number if isinstance(number, tuple) else (number, number)


def chance(factor: Factor) -> float:
    """The probability that a factor stands for: of a pair, from which Keras draws it, the mean."""
    return sum(factor) / 2 if isinstance(factor, tuple) else factor


def around_one(owner: object, name: str, factor: Any) -> Factor:
    """A contrast's factor: how far below and above 1, in [0, 1] both, whichever is larger."""
    if isinstance(factor, list | tuple) or np.ndim(factor):
        below, above = arguments.numbers_of(owner, name, factor, 2)
        arguments.interval(owner, name, sorted((below, above)), 0, 1)
        return below, above
    return arguments.number(owner, name, factor, minimum=0, maximum=1)


def zoom(owner: object, name: str, factor: Any) -> Factor:
    """A zoom's factor, which shows 1 + factor of the image: inside [-0.99, 9] on either side."""
    factor = checked(owner, name, factor, -0.99, 9.0)
    arguments.interval(owner, name, symmetric(factor), -0.99, 9.0)
    return factor
