"""Equalization."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.kinds import CertainTone


@register
class Equalization(CertainTone):
    """Spreads each channel's levels so that all are about as frequent.

    To the level `ImageOps.equalize` of Pillow, on 256 levels over `value_range`, where
    `keras.layers.Equalization` has `bins`. The level i becomes (s / 2 + pixels below i) / s,
    where 255 s is the number of pixels that are not of the lightest level; a channel in which
    there are fewer than 255 of these stays as it is.

    Args:
        p: The probability with which it acts on an image. With 1, the default, there is no chance
            in it: it acts at evaluation too. Below 1, or in `RandomApply` and `RandomChoice`, it
            is chance like the rest, and off at evaluation.
        **kwargs: As in `Augmentation`.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> dark = np.arange(1024).reshape(32, 32, 1) // 16
    >>> layers.Equalization()(dark.astype("uint8")).numpy().max()
    np.uint8(255)

    Source: Pizer et al. 1987, "Adaptive histogram equalization and its variations", section 1.
    """

    def element(self, histogram: Any) -> Any:
        """A curve a channel."""
        return curves.equalize(histogram)
