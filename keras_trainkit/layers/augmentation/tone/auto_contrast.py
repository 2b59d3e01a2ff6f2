"""Automatic contrast."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.kinds import CertainTone


@register
class AutoContrast(CertainTone):
    """Stretches each channel so that its darkest pixel is black and its lightest white.

    On 256 levels over `value_range`, rounding down as `ImageOps.autocontrast` of Pillow does;
    `keras.layers.AutoContrast` does not round. A channel of one level stays as it is.

    Args:
        p: The probability with which it acts on an image. With 1, the default, there is no chance
            in it: it acts at evaluation too. Below 1, or in `RandomApply` and `RandomChoice`, it
            is chance like the rest, and off at evaluation.
        **kwargs: As in `Augmentation`.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.AutoContrast()(np.array([[[50], [60], [100]]], "uint8")).numpy().ravel()
    array([  0,  51, 255], dtype=uint8)

    Source: Cubuk et al. 2019, "AutoAugment: Learning augmentation policies from data", table 6.
    """

    def element(self, histogram: Any) -> Any:
        """A line a channel."""
        return curves.autocontrast(histogram)
