"""Random windows of fixed size out of images of random scale."""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import AXIS, Lengths


@register
class RandomScaleCrop(Geometry):
    """Resizes images so that the short side is L, L at random, and cuts a random window out.

    The two are one resampling, with an anti-aliasing filter where the image shrinks; L and the
    window's place are real numbers, so that the window may start between two pixels.  Where
    chance is off (at evaluation, or with probability 1 - p), L is its smallest value and the
    window the central one.

    Args:
        size: Of the window, in pixels: one number, or the pair (height, width). Default 224.
        short_side: The pair (low, high) of L, in pixels, uniform. `low` is at least the window's
            longer side. Default (256, 480).
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for sizes below 1, a pair in the wrong order, or a short side that the window
            does not fit into.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomScaleCrop(224, (256, 480))(np.zeros((300, 400, 3), "uint8")).shape
    TensorShape([224, 224, 3])

    Source: He et al. 2016, "Deep residual learning for image recognition", section 3.4, whose L
    is a whole number.
    """

    level = AXIS
    reaches_out = False
    always = True

    def __init__(
        self,
        size: int | tuple[int, int] = 224,
        short_side: tuple[float, float] = (256, 480),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = arguments.size(self, "size", size)
        self.short_side = arguments.interval(self, "short_side", short_side)
        longer = max(self._window())
        if self.short_side[0] < longer:
            rule = f"start at the window's longer side, {longer}, or above"
            refuse(self, "short_side", rule, self.short_side)

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The window's."""
        return self._window()

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """That of the smallest L."""
        height, width = (math.inf if length is None else length for length in size)
        factor = min(height, width) / self.short_side[0]
        return factor, factor

    def sample(self, draw: Any) -> dict[str, Any]:
        """L, and the place as a share of the room there is."""
        short_side = draw.uniform("short_side", *self.short_side)
        return {
            "short_side": short_side,
            "top": draw.uniform("top"),
            "left": draw.uniform("left"),
        }

    def element(self, size: coordinates.Size, short_side: Any, top: Any, left: Any) -> Any:
        """The window, in the image as it comes."""
        lengths = [tf.cast(length, tf.float32) for length in size]
        scale = tf.minimum(*lengths) / short_side
        extents = [scale * length for length in self._window()]
        edges = [
            share * tf.maximum(0.0, length - extent)
            for share, length, extent in zip((top, left), lengths, extents, strict=True)
        ]
        return coordinates.window(self._window(), *edges, *extents)

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The central window at the smallest L."""
        middle = tf.fill([rows], 0.5)
        return self.element(size, tf.fill([rows], self.short_side[0]), middle, middle)

    def _window(self) -> tuple[int, int]:
        return factors.both(self.size)
