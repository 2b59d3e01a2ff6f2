"""Argument checks with one wording.

Every refusal is one sentence that names the class, the argument, the rule and the value
received: "`Cutout`: `size` must be a positive number of pixels, got -3."  Every check returns
the plain Python value to store, so that NumPy scalars and lists never reach a config.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np


def refuse(owner: object, argument: str, rule: str, value: object, cure: str = "") -> NoReturn:
    """Raises the `ValueError` of a broken rule.

    Args:
        owner: The object whose argument it is, or the name of a function.
        argument: The argument's name.
        rule: What it must be, completing the words "`argument` must ...".
        value: What was received.
        cure: A sentence that says what to do instead, where that is not obvious.
    """
    who = owner if isinstance(owner, str) else type(owner).__name__
    raise ValueError(f"`{who}`: `{argument}` must {rule}, got {value!r}. {cure}".rstrip())


def number(
    owner: object,
    argument: str,
    value: Any,
    *,
    above: float | None = None,
    minimum: float | None = None,
    below: float | None = None,
    maximum: float | None = None,
    cure: str = "",
) -> float:
    """A finite real number within bounds, as a Python `float`."""
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (
            ("above", above),
            ("at least", minimum),
            ("below", below),
            ("at most", maximum),
        )
        if bound is not None
    ]
    rule = " ".join(["be a finite number", " and ".join(bounds)]).rstrip()
    if not _is_finite(value):
        refuse(owner, argument, rule, value, cure)
    result = float(value)
    if (
        (above is not None and result <= above)
        or (minimum is not None and result < minimum)
        or (below is not None and result >= below)
        or (maximum is not None and result > maximum)
    ):
        refuse(owner, argument, rule, value, cure)
    return result


def probability(owner: object, argument: str, value: Any) -> float:
    """A number in [0, 1]."""
    if not _is_real(value) or not 0 <= value <= 1:
        refuse(owner, argument, "be a probability between 0 and 1", value)
    return float(value)


def integer(owner: object, argument: str, value: Any, minimum: int, cure: str = "") -> int:
    """A whole number of at least `minimum`; 3.0 counts, 3.5 and True do not."""
    if not _is_finite(value) or value != int(value) or value < minimum:
        refuse(owner, argument, f"be a whole number of at least {minimum}", value, cure)
    return int(value)


def size(owner: object, argument: str, value: Any) -> int | tuple[int, int]:
    """A side in pixels, or the pair (height, width)."""
    if not isinstance(value, list | tuple):
        return integer(owner, argument, value, 1)
    if len(value) != 2:
        refuse(owner, argument, "be a number of pixels or (height, width)", value)
    height, width = (integer(owner, argument, side, 1) for side in value)
    return height, width


def boolean(owner: object, argument: str, value: Any) -> bool:
    """True or False; truthy values such as "no" are not taken."""
    if not isinstance(value, bool | np.bool_):
        refuse(owner, argument, "be True or False", value)
    return bool(value)


def one_of(owner: object, argument: str, value: Any, choices: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        refuse(owner, argument, f"be one of {listed}", value)
    return value


def numbers_of(
    owner: object, argument: str, value: Any, count: int | None = None
) -> tuple[float, ...]:
    """A sequence of finite numbers (`count` of them, where given), as a tuple of floats."""
    rule = f"be a sequence of {'' if count is None else f'{count} '}finite numbers"
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        refuse(owner, argument, rule, value)
    if getattr(value, "ndim", 1) == 0 or not all(_is_finite(item) for item in value):
        refuse(owner, argument, rule, value)
    if count is not None and len(value) != count:
        refuse(owner, argument, rule, value)
    return tuple(float(item) for item in value)


def interval(
    owner: object, argument: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf
) -> tuple[float, float]:
    """A pair (low, high) with low <= high, inside [minimum, maximum]."""
    low, high = numbers_of(owner, argument, value, 2)
    if low > high:
        refuse(owner, argument, "be a pair (low, high) with low <= high", value)
    if low < minimum or high > maximum:
        refuse(owner, argument, f"lie between {minimum:g} and {maximum:g}", value)
    return low, high


def value_range(owner: object, value: Any) -> tuple[float, float]:
    """The pair (black, white), black below white."""
    low, high = numbers_of(owner, "value_range", value, 2)
    if low >= high:
        refuse(owner, "value_range", "be a pair (low, high) with low < high", value)
    return low, high


def _is_finite(value: Any) -> bool:
    try:
        return _is_real(value) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _is_real(value: object) -> bool:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
