"""Random grayscale."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomGrayscale(Color):
    """Takes the colour out of some images: each channel becomes 0.299 R + 0.587 G + 0.114 B.

    The result has as many channels as before.

    Args:
        factor: The probability with which an image becomes grey, times `p`. Default 0.5. Of a
            pair it is the mean.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a factor outside [0, 1] or a pair in the wrong order; at the first call,
            for images of other than 3 or 4 channels. A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> grey = layers.RandomGrayscale(1.0)
    >>> grey(np.array([[[100, 0, 0]]], "uint8")).numpy().ravel()
    array([30, 30, 30], dtype=uint8)

    Source: Chen et al. 2020, "A simple framework for contrastive learning of visual
    representations", appendix A; the grey is ITU-R BT.601's.
    """

    def __init__(self, factor: factors.Factor = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)

    @property
    def chance(self) -> float:
        """The product of `p` and the factor."""
        return self.p * factors.chance(self.factor)

    def element(self, mean: Any, unit: float) -> Any:
        """The projection onto the grey axis."""
        return matrices.saturation(tf.zeros_like(mean[:, 0]))
