"""Random shifts."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import AXIS


@register
class RandomTranslation(Geometry):
    """Shifts images by a random share of their height and width, sub-pixel shifts included.

    Args:
        height_factor: A share of the height: the pair (low, high), or one number f for (-f, f).
            Positive shifts down. Within [-1, 1].
        width_factor: The same of the width; positive shifts to the right.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [-1, 1] or pairs in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> down = layers.RandomTranslation((0.5, 0.5), 0.0, fill_mode="constant")
    >>> down(np.array([[1.0], [2.0]], "float32")[..., None])[:, 0, 0].numpy()
    array([0., 1.], dtype=float32)

    Source: the units are those of `keras.layers.RandomTranslation`.
    """

    level = AXIS

    def __init__(
        self, height_factor: factors.Factor, width_factor: factors.Factor, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.height_factor = factors.checked(self, "height_factor", height_factor, -1, 1)
        self.width_factor = factors.checked(self, "width_factor", width_factor, -1, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Two shares."""
        return {
            "height": draw.uniform("height", *factors.symmetric(self.height_factor)),
            "width": draw.uniform("width", *factors.symmetric(self.width_factor)),
        }

    def element(self, size: coordinates.Size, height: Any, width: Any) -> Any:
        """The shift."""
        return coordinates.translation(size, height, width)
