"""What the optimizers for large batches share."""

from __future__ import annotations

import re
from typing import Any

from keras import ops

from keras_trainkit._core.arguments import refuse


def norm(x: Any) -> Any:
    """The Euclidean norm of a whole variable."""
    return ops.sqrt(ops.sum(ops.square(x)))


def trust_ratio(numerator: Any, denominator: Any) -> Any:
    """The quotient of two norms, and 1 where either is zero."""
    sound = ops.logical_and(numerator > 0, denominator > 0)
    return ops.where(sound, numerator / ops.where(sound, denominator, 1.0), 1.0)


def names(owner: object, value: Any) -> tuple[str, ...] | None:
    """Regular expressions of variables' names: one, several, or None."""
    if value is None:
        return None
    several = (value,) if isinstance(value, str) else value
    try:
        return tuple(re.compile(name).pattern for name in several)
    except (TypeError, re.error):
        refuse(owner, "exclude_from_layer_adaptation", "be regular expressions", value)
