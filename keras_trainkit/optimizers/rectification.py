"""The rectification of RAdam: how far a young second moment may be trusted."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def averaged_length(beta: float, t: Any) -> Any:
    """The length of the simple moving average that the exponential one is like at step `t`.

    rho_t = rho_inf - 2 t b^t / (1 - b^t) with rho_inf = 2 / (1 - b) - 1, which of b = 0.999 is a
    small difference of numbers near 2,000. With x = -t log(b) it is written as

        rho_inf - 2 / -log(b) + 2 / -log(b) (1 - x / expm1(x)),

    where what is in the parentheses is a series while x is small, so that float32 holds it.
    """
    rate = -math.log(beta)
    x = t * rate
    square = x * x
    series = x / 2 - square / 12 * (1 - square / 60 * (1 - square / 42))
    filled = ops.where(x < 0.5, series, 1 - x / ops.expm1(x))
    return (2 / (1 - beta) - 1 - 2 / rate) + 2 / rate * filled


def rectified(beta: float, t: Any, threshold: float) -> tuple[Any, Any]:
    """The factor r_t of the adaptive step, and whether to take that step at all at `t`."""
    longest, length = 2 / (1 - beta) - 1, averaged_length(beta, t)
    trusted = length >= threshold
    safe = ops.where(trusted, length, 5.0)  # below 4 there is no root
    ratio = (safe - 4) * (safe - 2) / safe * (longest / ((longest - 4) * (longest - 2)))
    return ops.sqrt(ratio), trusted
