"""Cutout."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import boxes, coordinates
from keras_trainkit.layers.augmentation.kinds import Mask


@register
class Cutout(Mask):
    """Covers a square whose centre is uniform over the image, so that it may stick out.

    A corner pixel is hidden about a quarter as often as one in the middle.
    `keras.layers.RandomErasing` and TensorFlow Addons' `random_cutout` keep the square inside,
    which hides the middle more and the border less.

    Args:
        size: The square's side in pixels, or (height, width).
        fill: The colour that covers, in the images' values: a number, or one for each channel.
            Default 0. The mean of the training set is the other usual choice; after
            `Normalization` that is 0.
        mask_fill: The class id that segmentation masks have where their image is covered; by
            default they stay as they are.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a size below 1 or a fill that is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> covered = layers.Cutout(3)(np.ones((1, 9, 9, 1), "uint8")).numpy()
    >>> 4 <= (covered == 0).sum() <= 9
    np.True_

    Source: DeVries & Taylor 2017, "Improved regularization of convolutional neural networks with
    cutout", section 3.2.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        fill: float | tuple[float, ...] = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill=fill, **kwargs)
        self.size = arguments.size(self, "size", size)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The centre, as a share of the height and the width."""
        return {"y": draw.uniform("y"), "x": draw.uniform("x")}

    def element(self, size: coordinates.Size, y: Any, x: Any) -> Any:
        """The part of the square inside the image."""
        height, width = factors.both(self.size)
        centre = coordinates.pixel(y, size[0]), coordinates.pixel(x, size[1])
        return boxes.inside(boxes.centred_at(*centre, height, width, size), size)
