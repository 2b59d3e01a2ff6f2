"""Central windows."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.geometry.room import room
from keras_trainkit.layers.augmentation.kinds import FixedGeometry
from keras_trainkit.layers.augmentation.runs.geometry import LATTICE


@register
class CenterCrop(FixedGeometry):
    """Cuts the central window out, in training and at evaluation alike.

    Images that are too small are refused, where `keras.layers.CenterCrop` enlarges them.

    Args:
        height: Of the window, in pixels.
        width: Of the window, in pixels.
        **kwargs: As in `Augmentation`; `p` stays 1.

    Raises:
        ValueError: for sizes below 1 or a p below 1; at the first call, where the window does
            not fit into the image.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.CenterCrop(1, 2)(np.arange(12).reshape(3, 4, 1))[..., 0].numpy()
    array([[5, 6]])

    Source: the arguments are those of `keras.layers.CenterCrop`.
    """

    level = LATTICE
    reaches_out = False

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = arguments.integer(self, "height", height, 1)
        self.width = arguments.integer(self, "width", width, 1)

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The window's."""
        return self.height, self.width

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """A shift by half the room, rounded down."""
        top, left = (tf.cast(space // 2, tf.float32) for space in room(self, size))
        return coordinates.shift(tf.fill([rows], -top), tf.fill([rows], -left))
