"""Random windows."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.geometry.room import room
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import LATTICE


@register
class RandomCrop(Geometry):
    """Cuts a window of fixed size at a random place, for each image a place of its own.

    `keras.layers.RandomCrop` takes one place for the whole batch.  Where chance is off (at
    evaluation, or with probability 1 - p), the window is the central one.

    Args:
        height: Of the window, in pixels.
        width: Of the window, in pixels.
        padding: Pixels by which the window may reach beyond each border; what it finds there is
            the `fill_mode`'s. Default 0; 4 is the usual recipe for CIFAR-10.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for sizes below 1 or a negative padding; at the first call, where the window
            does not fit into the padded image.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomCrop(32, 32, padding=4)(np.zeros((8, 32, 32, 3), "uint8")).shape
    TensorShape([8, 32, 32, 3])

    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.
    """

    level = LATTICE
    always = True

    def __init__(self, height: int, width: int, padding: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = arguments.integer(self, "height", height, 1)
        self.width = arguments.integer(self, "width", width, 1)
        self.padding = arguments.integer(self, "padding", padding, 0)
        self.reaches_out = self.padding > 0

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The window's."""
        return self.height, self.width

    def sample(self, draw: Any) -> dict[str, Any]:
        """The place, as a share of the room there is."""
        return {"top": draw.uniform("top"), "left": draw.uniform("left")}

    def element(self, size: coordinates.Size, top: Any, left: Any) -> Any:
        """A shift by whole pixels; every place in the room is equally likely."""
        places = (
            tf.cast(coordinates.pixel(share, space + 1), tf.float32)
            for share, space in zip((top, left), room(self, size, self.padding), strict=True)
        )
        return coordinates.shift(*(self.padding - place for place in places))

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The central window."""
        offsets = [self.padding - space // 2 for space in room(self, size, self.padding)]
        return coordinates.shift(
            *(tf.fill([rows], tf.cast(offset, tf.float32)) for offset in offsets)
        )
