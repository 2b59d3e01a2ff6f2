"""Lenses: radial distortion about the centre of an image.

An output pixel at the radius r is read at r (1 + k1 r^2 + k2 r^4), radii in half diagonals of the
image.  Beyond the corners, r > 1, the factor stays what it is there: an image that was moved
before never folds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import coordinates

_NEWTON_STEPS = 10


class Lens(NamedTuple):
    """The lenses (n, 2) of k1 and k2 over images of one size."""

    size: coordinates.Size
    coefficients: Any

    def follow(self, y: Any, x: Any) -> tuple[Any, Any]:
        """Where output places (n, ...) are read."""
        (y0, x0), y, x, radius = self._polar(y, x)
        factor = self._factor(radius, (1.0, 1.0))
        return y0 + y * factor, x0 + x * factor

    def unfollow(self, y: Any, x: Any) -> tuple[Any, Any]:
        """Which output places read input places (n, ...), by Newton's method."""
        (y0, x0), y, x, wanted = self._polar(y, x)
        radius = wanted
        for _ in range(_NEWTON_STEPS):
            slope = tf.where(
                radius < 1, self._factor(radius, (3.0, 5.0)), self._factor(radius, (1.0, 1.0))
            )
            excess = radius * self._factor(radius, (1.0, 1.0)) - wanted
            radius = tf.maximum(0.0, radius - excess / slope)
        factor = tf.math.divide_no_nan(radius, wanted)
        return y0 + y * factor, x0 + x * factor

    def _polar(self, y: Any, x: Any) -> tuple[coordinates.Size, Any, Any, Any]:
        y0, x0 = coordinates.centre(self.size)
        y, x = y - y0, x - x0
        height, width = (tf.cast(length, tf.float32) for length in self.size)
        radius = tf.sqrt((y**2 + x**2) / (height**2 + width**2)) * 2.0
        return (y0, x0), y, x, radius

    def _factor(self, radius: Any, weights: tuple[float, float]) -> Any:
        shape = [-1] + [1] * (radius.shape.rank - 1)
        k1, k2 = (tf.reshape(self.coefficients[:, i] * weights[i], shape) for i in (0, 1))
        square = tf.minimum(radius, 1.0) ** 2
        return 1.0 + square * (k1 + k2 * square)
