"""What of Keras' logs can be drawn and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops


def single_numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """The entries that are one number: `F1Score(average=None)` has one for each class."""
    values = {name: np.ravel(ops.convert_to_numpy(value)) for name, value in (logs or {}).items()}
    return {name: float(value[0]) for name, value in values.items() if value.size == 1}
