"""Epochs as steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from keras_trainkit._core.arguments import integer, number


@overload
def in_epochs(epochs: float, steps_per_epoch: int) -> int: ...
@overload
def in_epochs(epochs: Sequence[float], steps_per_epoch: int) -> tuple[int, ...]: ...
def in_epochs(epochs: Any, steps_per_epoch: int) -> Any:
    """Epochs as steps: round(epochs steps_per_epoch).

    Args:
        epochs: A number of epochs of at least 0, whole or not, or a sequence of them.
        steps_per_epoch: Batches an epoch, at least 1 (`len(dataset)` where it is known).

    Returns:
        An `int`, or a tuple of them for a sequence.

    Raises:
        ValueError: If a number is out of its range.

    Example:

    >>> from keras_trainkit.schedules import in_epochs
    >>> in_epochs(5, steps_per_epoch=391)
    1955
    >>> in_epochs([30, 60, 90], steps_per_epoch=391)
    (11730, 23460, 35190)
    """
    steps = integer("in_epochs", "steps_per_epoch", steps_per_epoch, minimum=1)
    if isinstance(epochs, Sequence | np.ndarray) and np.ndim(epochs) > 0:
        return tuple(_in_steps(epoch, steps) for epoch in epochs)
    return _in_steps(epochs, steps)


def _in_steps(epochs: Any, steps_per_epoch: int) -> int:
    return round(number("in_epochs", "epochs", epochs, minimum=0) * steps_per_epoch)
