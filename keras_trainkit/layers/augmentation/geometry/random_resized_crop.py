"""Random windows of random size and shape, brought to one size."""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import AXIS, Lengths


@register
class RandomResizedCrop(Geometry):
    """Cuts a window of random area and aspect ratio and resizes it, with anti-aliasing.

    The area is uniform over `scale`; the aspect ratio is log-uniform over those of `ratio` with
    which a window of this area fits into the image, and where none fits, the nearest one, with a
    smaller area.  torchvision's `RandomResizedCrop` instead draws the two anew, up to ten times,
    until they fit, which makes large windows rarer; it rounds windows to whole pixels.  Where
    chance is off (at evaluation, or with probability 1 - p), the window is the largest central
    one of the result's aspect ratio.

    Args:
        height: Of the result, in pixels.
        width: Of the result, in pixels.
        scale: The pair (low, high) of the window's area, in shares of the image's. Within
            (0, 1]. Default (0.08, 1).
        ratio: The pair (low, high) of the window's width over its height, above 0.
            Default (3/4, 4/3).
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for sizes below 1, and for pairs out of range or in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomResizedCrop(224, 224)(np.zeros((256, 320, 3), "uint8")).shape
    TensorShape([224, 224, 3])

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 6.
    """

    level = AXIS
    reaches_out = False
    always = True

    def __init__(
        self,
        height: int,
        width: int,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height = arguments.integer(self, "height", height, 1)
        self.width = arguments.integer(self, "width", width, 1)
        self.scale = arguments.interval(self, "scale", scale, 0, 1)
        arguments.number(self, "scale", self.scale[0], above=0)
        self.ratio = arguments.interval(self, "ratio", ratio)
        arguments.number(self, "ratio", self.ratio[0], above=0)

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The result's."""
        return self.height, self.width

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """That of a window as large as the image."""
        height, width = (math.inf if length is None else length for length in size)
        return height / self.height, width / self.width

    def sample(self, draw: Any) -> dict[str, Any]:
        """The area, and shares of the aspect ratios and places that there are."""
        area = draw.uniform("area", *self.scale)
        return {"area": area, **{name: draw.uniform(name) for name in ("aspect", "top", "left")}}

    def element(self, size: coordinates.Size, area: Any, aspect: Any, top: Any, left: Any) -> Any:
        """The window, stretched over the result."""
        rows, columns = (tf.cast(length, tf.float32) for length in size)
        area *= rows * columns
        low, high = (
            tf.clip_by_value(bound, *self.ratio) for bound in (area / rows**2, columns**2 / area)
        )
        ratio = tf.clip_by_value(low * (high / low) ** aspect, low, high)
        height = tf.minimum(tf.sqrt(area / ratio), tf.minimum(rows, columns / ratio))
        width = tf.minimum(height * ratio, columns)
        return coordinates.window(
            self.output_size(size), top * (rows - height), left * (columns - width), height, width
        )

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The largest central window."""
        return coordinates.central_window(self.output_size(size), size, rows)
