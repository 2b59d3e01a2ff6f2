"""Ways from 1 down to 0, by the share that is left; of the share that is behind, from 0 to 1."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def linear(remaining: Any) -> Any:
    """A straight line."""
    return remaining


def cosine(remaining: Any) -> Any:
    """(1 + cos(pi (1 - remaining))) / 2, a half wave.

    Written as sin^2(pi remaining / 2): the sum cancels near its end and would leave a few bits.
    """
    return ops.square(ops.sin(remaining * (math.pi / 2)))
