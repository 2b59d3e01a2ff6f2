"""Random zooms and stretchings."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import AXIS, Lengths


@register
class RandomZoom(Geometry):
    """Zooms images about their centre, with an anti-aliasing filter where they shrink.

    Args:
        height_factor: The pair (low, high), or one number f for (-f, f): positive zooms out (0.25
            shows a quarter more of the image's height), negative zooms in. Within [-0.99, 9].
        width_factor: The same of the width, drawn by itself; by default the width follows the
            height, which keeps the aspect ratio.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors out of range or pairs in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomZoom((-0.2, 0.2), (0, 0))(np.zeros((4, 32, 32, 3), "float32")).shape
    TensorShape([4, 32, 32, 3])

    Source: the units are those of `keras.layers.RandomZoom`; the filter is a triangle of
    half-width max(1, shrink), as in Pillow's `Image.resize`.
    """

    level = AXIS

    def __init__(
        self,
        height_factor: factors.Factor,
        width_factor: factors.Factor | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height_factor = factors.zoom(self, "height_factor", height_factor)
        self.width_factor = (
            None if width_factor is None else factors.zoom(self, "width_factor", width_factor)
        )

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """1 + the upper bounds."""
        width = self.height_factor if self.width_factor is None else self.width_factor
        high, wide = (1 + factors.symmetric(factor)[1] for factor in (self.height_factor, width))
        return high, wide

    def sample(self, draw: Any) -> dict[str, Any]:
        """The input's extent over the output's, along each axis."""
        height = 1 + draw.uniform("height", *factors.symmetric(self.height_factor))
        if self.width_factor is None:
            return {"height": height, "width": height}
        return {
            "height": height,
            "width": 1 + draw.uniform("width", *factors.symmetric(self.width_factor)),
        }

    def element(self, size: coordinates.Size, height: Any, width: Any) -> Any:
        """The scaling."""
        return coordinates.zoom(size, height, width)
