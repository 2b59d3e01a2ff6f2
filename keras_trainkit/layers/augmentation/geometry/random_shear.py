"""Random shears."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry


@register
class RandomShear(Geometry):
    """Slants images about their centre, each axis by a factor and a sign of its own.

    Args:
        x_factor: The tangent of the angle by which vertical lines lean: the pair (low, high) of
            its magnitude, or one number f for (0, f); the sign is random. Within [0, 1].
            Default 0.
        y_factor: The same for horizontal lines.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [0, 1] or pairs in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomShear(0.2, 0.2)(np.zeros((4, 32, 32, 3), "uint8")).dtype
    tf.uint8

    Source: the units are those of `keras.layers.RandomShear`, which draws one sign for both axes
    and leaves the top-left corner in its place.
    """

    def __init__(
        self, x_factor: factors.Factor = 0.0, y_factor: factors.Factor = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.x_factor = factors.checked(self, "x_factor", x_factor, 0, 1)
        self.y_factor = factors.checked(self, "y_factor", y_factor, 0, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Two signed factors."""
        x = draw.uniform("x", *factors.one_sided(self.x_factor)) * draw.sign("x_sign")
        y = draw.uniform("y", *factors.one_sided(self.y_factor)) * draw.sign("y_sign")
        return {"x": x, "y": y}

    def element(self, size: coordinates.Size, x: Any, y: Any) -> Any:
        """The shear."""
        return coordinates.shear(size, y, x)
