"""Normalisation by the training set's mean and deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.base import Operation
from keras_trainkit.layers.augmentation.runs.normalization import NormalizationRun


@register
class Normalization(Operation):
    """Brings each channel to mean 0 and variance 1: (v - mean) / sqrt(variance), as float32.

    Always on, at evaluation too.  Unlike `keras.layers.Normalization` it keeps its numbers as
    plain config values, not variables, so that a dataset that normalises can be checkpointed,
    and it knows one axis, the channels.

    Args:
        mean: A number, or one for each channel, in the images' values. Default: `adapt` finds it.
        variance: Likewise, not negative. Give both or neither.
        **kwargs: As in `Augmentation`; `p` stays 1.

    Raises:
        ValueError: for one of the two alone, numbers that are not finite, or a p below 1; at the
            first call, where neither was given and `adapt` not called, or where their number is
            not that of the channels.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> images = np.array([0, 100], "uint8").reshape(2, 1, 1, 1)
    >>> normalization = layers.Normalization()
    >>> normalization.adapt(images)
    >>> normalization(images).numpy().ravel()
    array([-1.,  1.], dtype=float32)

    Source: LeCun et al. 1998, "Efficient backprop", section 4.3.
    """

    run = NormalizationRun
    always = True
    gives_float = True

    def __init__(
        self,
        mean: float | tuple[float, ...] | None = None,
        variance: float | tuple[float, ...] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.p != 1:
            refuse(self, "p", "be 1, since normalisation is no chance", self.p)
        if (mean is None) != (variance is None):
            missing = "mean" if mean is None else "variance"
            refuse(self, missing, "be given together with the other", None, "Or call `adapt`.")
        self.mean = None if mean is None else _numbers(self, "mean", mean)
        self.variance = None if variance is None else _numbers(self, "variance", variance)
        if self.variance is not None and min(self.variance) < 0:
            refuse(self, "variance", "not be negative", variance)

    def absorb(self, mean: np.ndarray, covariance: np.ndarray, unit: float) -> None:
        """Takes over the mean and the variances."""
        self.mean = tuple(float(value) for value in mean)
        self.variance = tuple(float(value) for value in np.diag(covariance))

    def draw(self, draw: Any) -> dict[str, Any]:
        """Nothing: there is no chance."""
        return {}

    def constants(self, channels: int) -> tuple[Any, Any]:
        """Mean and 1 / deviation, float32, for images of so many channels."""
        if self.mean is None or self.variance is None:
            cure = "Pass them, or call `adapt` with the training images."
            refuse(self, "mean and variance", "be known before the first call", None, cure)
        for name, values in (("mean", self.mean), ("variance", self.variance)):
            if len(values) not in (1, channels):
                refuse(self, name, f"hold 1 number or {channels}, one a channel", values)
        # a channel that never varies has nothing to scale
        deviation = np.maximum(np.sqrt(self.variance), 1e-7)
        return tf.constant(self.mean, tf.float32), tf.constant(1 / deviation, tf.float32)


def _numbers(owner: object, name: str, value: Any) -> tuple[float, ...]:
    return arguments.numbers_of(owner, name, np.atleast_1d(np.asarray(value)).ravel())
