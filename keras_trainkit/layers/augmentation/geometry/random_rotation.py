"""Random rotations."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry


@register
class RandomRotation(Geometry):
    """Turns images about their centre by a random angle.

    Args:
        factor: In turns (fractions of 2 pi): the pair (low, high), or one number f for (-f, f).
            Positive turns counter-clockwise. Within [-1, 1].
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [-1, 1] or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> quarter = layers.RandomRotation((0.25, 0.25), interpolation="nearest")
    >>> quarter(np.array([[1, 2], [3, 4]], "uint8")[..., None])[..., 0].numpy()
    array([[2, 4],
           [1, 3]], dtype=uint8)

    Source: the units are those of `keras.layers.RandomRotation`.
    """

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, -1, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The angle, in turns."""
        return {"angle": draw.uniform("angle", *factors.symmetric(self.factor))}

    def element(self, size: coordinates.Size, angle: Any) -> Any:
        """The rotation."""
        return coordinates.rotation(size, angle)
