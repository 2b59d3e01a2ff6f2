"""The rate for a larger batch."""

from __future__ import annotations

from keras_trainkit._core.arguments import integer, number


def linear_scaling(rate: float, batch_size: int, base_batch_size: int = 256) -> float:
    """The rate for a batch N times as large, N times as large: rate batch_size / base_batch_size.

    Args:
        rate: The learning rate that suits `base_batch_size`, at least 0.
        batch_size: The batch that is trained with (over all devices), at least 1.
        base_batch_size: The batch that `rate` was chosen for, at least 1.  Defaults to 256.

    Returns:
        A `float`.  Where it is large, start with `Warmup`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> from keras_trainkit.schedules import linear_scaling
    >>> linear_scaling(0.1, batch_size=8192)
    3.2

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    section 2.1.
    """
    rate = number("linear_scaling", "rate", rate, minimum=0)
    batch_size = integer("linear_scaling", "batch_size", batch_size, minimum=1)
    base = integer("linear_scaling", "base_batch_size", base_batch_size, minimum=1)
    return rate * batch_size / base
