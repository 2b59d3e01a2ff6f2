"""Random inversion."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.kinds import Tone


@register
class RandomInvert(Tone):
    """Takes some images to their negative: black + white - v, on 256 levels over `value_range`.

    `keras.layers.RandomInvert` computes white - v, which is the negative only where black is 0.

    Args:
        factor: The probability with which an image is inverted, times `p`. Default 1: all of
            them. Of a pair, from which Keras draws that probability, it is the mean. Keras takes
            one number f for the pair (0, f), and so inverts half as many.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a factor outside [0, 1] or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomInvert()(np.array([[[0], [200]]], "uint8")).numpy().ravel()
    array([255,  55], dtype=uint8)

    Source: Cubuk et al. 2019, "AutoAugment: Learning augmentation policies from data", table 6.
    """

    def __init__(self, factor: factors.Factor = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)

    @property
    def chance(self) -> float:
        """The product of `p` and the factor."""
        return self.p * factors.chance(self.factor)

    def element(self, histogram: Any) -> Any:
        """The falling line."""
        return curves.invert(1)
