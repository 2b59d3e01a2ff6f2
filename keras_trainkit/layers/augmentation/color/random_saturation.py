"""Random saturation."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomSaturation(Color):
    """Scales colours away from the grey of the same luma: grey + s (v - grey).

    Linear, so it composes with the other colour operations; luma stays exactly as it is.
    `keras.layers.RandomSaturation` scales the S of HSV instead, which keeps the largest channel
    and so darkens or lightens what it changes.

    Args:
        factor: The pair (low, high), or one number f for (0, f), within [0, 1]: s is
            factor / (1 - factor), so 0 is grey, 0.5 changes nothing, 0.6 is half as much again.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [0, 1] or a pair in the wrong order; at the first call,
            for images of other than 3 or 4 channels. A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> grey = layers.RandomSaturation((0.0, 0.0))
    >>> grey(np.array([[[100.0, 0.0, 0.0]]], "float32")).numpy().round(1)
    array([[[29.9, 29.9, 29.9]]], dtype=float32)

    Source: the units are those of `keras.layers.RandomSaturation`; the grey is ITU-R BT.601's.
    """

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The factor in Keras' units."""
        return {"factor": draw.uniform("factor", *factors.one_sided(self.factor))}

    def element(self, mean: Any, unit: float, factor: Any) -> Any:
        """The scaling across the grey axis."""
        # a factor of 1 makes every colour as vivid as the range allows; a larger s would only
        # blow rounding errors up until greys show colours
        return matrices.saturation(factor / tf.maximum(1.0 - factor, 1e-3))
