"""Random brightness."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomBrightness(Color):
    """Adds a random constant to all channels: v + factor * (white - black).

    A uint8 image saturates where `keras.layers.RandomBrightness` wraps it round.

    Args:
        factor: The pair (low, high), or one number f for (-f, f). Within [-1, 1].
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [-1, 1] or a pair in the wrong order; at the first call,
            for images of other than 1, 3 or 4 channels. A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> bright = layers.RandomBrightness((0.5, 0.5))
    >>> bright(np.full((1, 1, 1), 200, "uint8")).numpy().item()
    255

    Source: the units are those of `keras.layers.RandomBrightness`.
    """

    channels = (1, 3, 4)
    uniform = True

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, -1, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The share of the value range that is added."""
        return {"delta": draw.uniform("delta", *factors.symmetric(self.factor))}

    def element(self, mean: Any, unit: float, delta: Any) -> Any:
        """The shift."""
        return matrices.add(tf.repeat(delta[:, None] * unit, mean.shape[1], axis=1))
