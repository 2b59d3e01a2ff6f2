"""Rotation, shear, zoom and translation as one operation."""

from __future__ import annotations

from functools import reduce
from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.geometry.random_rotation import RandomRotation
from keras_trainkit.layers.augmentation.geometry.random_shear import RandomShear
from keras_trainkit.layers.augmentation.geometry.random_translation import RandomTranslation
from keras_trainkit.layers.augmentation.geometry.random_zoom import RandomZoom
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import Lengths


@register
class RandomAffine(Geometry):
    """Turns, slants, stretches and shifts images, in this order, as one affine map.

    The same map as `RandomRotation`, `RandomShear`, `RandomZoom` and `RandomTranslation` one
    after the other in a `Pipeline`, under one `p`.

    Args:
        rotation_factor: In turns, as in `RandomRotation`. Default 0.
        shear_factor: For both axes, as in `RandomShear`. Default 0.
        zoom_factor: For both axes, each drawn by itself, as in `RandomZoom`. Default 0.
        translation_factor: For both axes, as in `RandomTranslation`. Default 0.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: as the four do.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> affine = layers.RandomAffine(15 / 360, 0.1, 0.1, 0.1, fill_mode="constant")
    >>> affine(np.zeros((4, 32, 32, 3), "uint8")).shape
    TensorShape([4, 32, 32, 3])

    Source: the CS231n lecture's "translation, rotation, stretching, shearing"; the units are
    those of the Keras layers named above.
    """

    def __init__(
        self,
        rotation_factor: factors.Factor = 0.0,
        shear_factor: factors.Factor = 0.0,
        zoom_factor: factors.Factor = 0.0,
        translation_factor: factors.Factor = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rotation_factor = factors.checked(self, "rotation_factor", rotation_factor, -1, 1)
        self.shear_factor = factors.checked(self, "shear_factor", shear_factor, 0, 1)
        self.zoom_factor = factors.zoom(self, "zoom_factor", zoom_factor)
        self.translation_factor = factors.checked(
            self, "translation_factor", translation_factor, -1, 1
        )

        self._parts = (
            RandomRotation(self.rotation_factor),
            RandomShear(self.shear_factor, self.shear_factor),
            RandomZoom(self.zoom_factor, self.zoom_factor),
            RandomTranslation(self.translation_factor, self.translation_factor),
        )

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """The zoom's."""
        return self._parts[2].shrink(size)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Each part's parameters, under the part's name."""
        return {part.title: part.sample(draw.within(part.title)) for part in self._parts}

    def element(self, size: coordinates.Size, **drawn: dict[str, Any]) -> Any:
        """The parts' maps composed."""
        maps = (part.element(size, **drawn[part.title]) for part in self._parts)
        return reduce(coordinates.compose, maps)
