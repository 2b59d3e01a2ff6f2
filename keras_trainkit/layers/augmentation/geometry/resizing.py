"""Images brought to one size."""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import FixedGeometry
from keras_trainkit.layers.augmentation.runs.geometry import AXIS, Lengths


@register
class Resizing(FixedGeometry):
    """Resizes images to a fixed size, in training and at evaluation alike.

    Always with an anti-aliasing filter where an image shrinks (a triangle, as in Pillow's
    `Image.resize`), which `keras.layers.Resizing` leaves out by default.  The windows that keep
    an aspect ratio are not rounded to whole pixels.

    Args:
        height: Of the result, in pixels.
        width: Of the result, in pixels.
        crop_to_aspect_ratio: Whether to keep the picture's proportions and fill the result with
            the largest central window that does. Default False: stretch.
        pad_to_aspect_ratio: Whether to keep the proportions and show the whole picture, in the
            middle; what stands beside it is the `fill_mode`'s, which Keras has `"constant"`.
        **kwargs: As in `Augmentation`; `p` stays 1.

    Raises:
        ValueError: for sizes below 1, both of the aspect ratio's arguments, or a p below 1.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> evaluation = layers.Pipeline([
    ...     layers.Resizing(256, 256, crop_to_aspect_ratio=True),
    ...     layers.CenterCrop(224, 224),
    ... ])
    >>> print(evaluation.plan())
    2 operations in 1 pass
      1. rows, then columns, by the triangle filter: Resizing, CenterCrop
    >>> evaluation(np.zeros((375, 500, 3), "uint8")).shape
    TensorShape([224, 224, 3])

    Source: the arguments are those of `keras.layers.Resizing`.
    """

    level = AXIS

    def __init__(
        self,
        height: int,
        width: int,
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height = arguments.integer(self, "height", height, 1)
        self.width = arguments.integer(self, "width", width, 1)
        self.crop_to_aspect_ratio = arguments.boolean(
            self, "crop_to_aspect_ratio", crop_to_aspect_ratio
        )
        self.pad_to_aspect_ratio = arguments.boolean(
            self, "pad_to_aspect_ratio", pad_to_aspect_ratio
        )
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            refuse(self, "pad_to_aspect_ratio", "be False where the picture is cropped", True)
        self.reaches_out = self.pad_to_aspect_ratio

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The result's."""
        return self.height, self.width

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """The image's size over the result's, in the proportions that are kept."""
        height, width = (math.inf if length is None else length for length in size)
        factors = height / self.height, width / self.width
        if self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:
            one = min(factors) if self.crop_to_aspect_ratio else max(factors)
            return one, one
        return factors

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The window, stretched over the result."""
        result = self.output_size(size)
        if self.crop_to_aspect_ratio:
            return coordinates.central_window(result, size, rows)
        if self.pad_to_aspect_ratio:
            return coordinates.central_window(result, size, rows, around=True)
        extents = (tf.fill([rows], tf.cast(length, tf.float32)) for length in size)
        return coordinates.window(result, 0.0, 0.0, *extents)
