"""The correction of a moving average that starts at zero."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def filled_share(beta: float, t: Any) -> Any:
    """How far a moving average has filled after `t` steps: 1 - beta^t.

    Written as -expm1(t log(beta)), because `1 - beta**t` loses up to five digits in float32.
    """
    return -ops.expm1(t * math.log(beta)) if beta else 1.0
