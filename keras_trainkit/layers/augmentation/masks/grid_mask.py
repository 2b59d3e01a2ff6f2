"""GridMask."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates, resampling
from keras_trainkit.layers.augmentation.kinds import Mask


@register
class GridMask(Mask):
    """Covers the squares of a grid: one of side (1 - ratio) d in each cell of side d.

    The grid's offset is uniform, so that every pixel is covered with the same probability,
    (1 - ratio)^2. A pixel counts as covered where its centre is.

    Args:
        period: d in pixels, or the pair (low, high) between which it is drawn. Default (96, 224),
            the paper's for images of 224.
        ratio: The share of d that is kept between two squares, in (0, 1]. Default 0.5, which
            keeps three quarters of the image.
        rotation_factor: The angle of the grid, in turns: the pair (low, high), or one number f
            for (-f, f), within [-1, 1]. Default 0.
        fill: The colour that covers, in the images' values: a number, or one for each channel.
            Default 0.
        mask_fill: The class id that segmentation masks have where their image is covered; by
            default they stay as they are.
        p: As in `Operation`. The paper raises it to 0.8 during training.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a period below 1, a ratio outside (0, 1], a pair in the wrong order, or a
            fill that is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> (layers.GridMask(period=4)(np.ones((8, 8, 1), "uint8")).numpy() == 0).sum()
    np.int64(16)

    Source: Chen et al. 2020, "GridMask data augmentation", section 3.
    """

    def __init__(
        self,
        period: float | tuple[float, float] = (96.0, 224.0),
        ratio: float = 0.5,
        rotation_factor: factors.Factor = 0.0,
        fill: float | tuple[float, ...] = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill=fill, **kwargs)
        self.period = (
            arguments.interval(self, "period", period, 1)
            if np.ndim(period)
            else arguments.number(self, "period", period, minimum=1)
        )
        self.ratio = arguments.number(self, "ratio", ratio, above=0, maximum=1)
        self.rotation_factor = factors.checked(self, "rotation_factor", rotation_factor, -1, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The period in pixels, the offset as a share of it, and the angle in turns."""
        return {
            "period": draw.uniform("period", *factors.both(self.period)),
            "y": draw.uniform("y"),
            "x": draw.uniform("x"),
            "angle": draw.uniform("angle", *factors.symmetric(self.rotation_factor)),
        }

    def element(self, size: coordinates.Size, period: Any, y: Any, x: Any, angle: Any) -> Any:
        """The squares."""
        places = coordinates.follow(coordinates.rotation(size, angle), *resampling.grid(size))
        covered: Any = True
        for place, offset in zip(places, (y, x), strict=True):
            cells = place / period[:, None, None] + offset[:, None, None]
            covered &= cells - tf.floor(cells) < 1.0 - self.ratio
        return covered[..., None]
