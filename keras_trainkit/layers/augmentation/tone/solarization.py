"""Solarization."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.kinds import Tone


@register
class Solarization(Tone):
    """Adds a constant, then inverts what is at or above a threshold.

    With the defaults everything is inverted. Works on 256 levels over `value_range`; clipped
    before the threshold. `keras.layers.Solarization` scales only the upper end of a pair of
    factors by 255.

    Args:
        addition_factor: What is added, as a share of the value range: the pair (low, high), or
            one number f for (0, f), within [0, 1]. Default 0.
        threshold_factor: The threshold in the same units. Default 0.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [0, 1] or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> solarization = layers.Solarization(threshold_factor=(0.5, 0.5))
    >>> solarization(np.array([[[10], [200]]], "uint8")).numpy().ravel()
    array([10, 55], dtype=uint8)

    Source: Cubuk et al. 2019, "AutoAugment: Learning augmentation policies from data", table 6;
    the units are those of `keras.layers.Solarization`.
    """

    def __init__(
        self,
        addition_factor: factors.Factor = 0.0,
        threshold_factor: factors.Factor = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.addition_factor = factors.checked(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = factors.checked(self, "threshold_factor", threshold_factor, 0, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """What is added and the threshold, as shares of the value range."""
        return {
            "addition": draw.uniform("addition", *factors.one_sided(self.addition_factor)),
            "threshold": draw.uniform("threshold", *factors.one_sided(self.threshold_factor)),
        }

    def element(self, histogram: Any, addition: Any, threshold: Any) -> Any:
        """The curve with a fold."""
        levels = tf.cast(tf.round(addition * curves.WHITE), tf.int32)
        return curves.solarize(threshold * curves.WHITE, levels)
