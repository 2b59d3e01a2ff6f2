"""Random changes of perspective."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import PROJECTIVE, Lengths

_LEAST_CORNER = 0.2
_PLACES = [
    f"{row}_{column}_{axis}"
    for row in ("top", "bottom")
    for column in ("left", "right")
    for axis in ("y", "x")
]


@register
class RandomPerspective(Geometry):
    """Shows images as from another side: each corner moves, and the picture with them.

    Each of the four corners moves by itself, along both axes; `keras.layers.RandomPerspective`
    never moves the top-left one, others only along the axes on which they lie far from it, and
    at large scales it can fold the picture.  Here the shifts of an image shrink together, where
    they must, until no corner of the picture spans less than a fifth of the area that it did.

    Args:
        factor: The probability with which an image changes, drawn anew for each: the pair (low,
            high), or one number f for (0, f). Within [0, 1]. Default 1, which as in Keras changes
            half of the images; (1, 1) changes all.
        scale: The largest shift, in halves of the height and the width. Within [0, 1]. Default 1.
        p: As in `Operation`; multiplies with the factor.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors or a scale outside [0, 1], or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomPerspective((1, 1), 0.5)(np.zeros((4, 32, 32, 3), "uint8")).shape
    TensorShape([4, 32, 32, 3])

    Source: the arguments are those of `keras.layers.RandomPerspective`; the map is that of
    Heckbert 1989, "Fundamentals of texture mapping and image warping", section 2.2.3.
    """

    level = PROJECTIVE

    def __init__(self, factor: factors.Factor = 1.0, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)
        self.scale = arguments.number(self, "scale", scale, minimum=0, maximum=1)

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """About that of the smallest picture."""
        factor = 1 / (1 - min(self.scale, 0.8))
        return factor, factor

    @property
    def chance(self) -> float:
        """The product of `p` and the mean factor."""
        return self.p * factors.chance(factors.one_sided(self.factor))

    def sample(self, draw: Any) -> dict[str, Any]:
        """The corners' shifts, in shares of the height and the width."""
        most = self.scale / 2
        return {place: draw.uniform(place, -most, most) for place in _PLACES}

    def element(self, size: coordinates.Size, **shifts: Any) -> Any:
        """The perspective."""
        moved = tf.reshape(tf.stack([shifts[place] for place in _PLACES], axis=1), [-1, 2, 2, 2])
        moved *= coordinates.convex_share(moved, _LEAST_CORNER)[:, None, None, None]
        corners = tf.constant([[[0, 0], [0, 1]], [[1, 0], [1, 1]]], tf.float32)
        return coordinates.perspective(size, corners + moved)

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The image as it is."""
        return coordinates.projective(coordinates.identity(rows))
