"""Brightness, contrast, saturation and hue as one operation."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.color.random_brightness import RandomBrightness
from keras_trainkit.layers.augmentation.color.random_contrast import RandomContrast
from keras_trainkit.layers.augmentation.color.random_hue import RandomHue
from keras_trainkit.layers.augmentation.color.random_saturation import RandomSaturation
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomColorJitter(Color):
    """Brightness, contrast, saturation and hue, in this order, as one colour matrix.

    The same map as `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue` one
    after the other in a `Pipeline`, under one `p`; a factor that is None is left out.

    Args:
        brightness_factor: As in `RandomBrightness`. Default None.
        contrast_factor: As in `RandomContrast`. Default None.
        saturation_factor: As in `RandomSaturation`, where 0.5 changes nothing: for a jitter round
            that give a pair, such as (0.4, 0.6). Default None.
        hue_factor: As in `RandomHue`. Default None.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: as the four do; at the first call, for images of other than 3 or 4 channels.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> jitter = layers.RandomColorJitter(0.2, 0.2, (0.4, 0.6), 0.05)
    >>> jitter(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])

    Source: the arguments are those of `keras.layers.RandomColorJitter`.
    """

    def __init__(
        self,
        brightness_factor: factors.Factor | None = None,
        contrast_factor: factors.Factor | None = None,
        saturation_factor: factors.Factor | None = None,
        hue_factor: factors.Factor | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.brightness_factor = _optional(self, "brightness_factor", brightness_factor, -1)
        self.contrast_factor = (
            None
            if contrast_factor is None
            else factors.around_one(self, "contrast_factor", contrast_factor)
        )
        self.saturation_factor = _optional(self, "saturation_factor", saturation_factor, 0)
        self.hue_factor = _optional(self, "hue_factor", hue_factor, 0)
        kinds = (
            (RandomBrightness, self.brightness_factor),
            (RandomContrast, self.contrast_factor),
            (RandomSaturation, self.saturation_factor),
            (RandomHue, self.hue_factor),
        )
        self._parts = tuple(kind(factor) for kind, factor in kinds if factor is not None)
        if not self._parts:
            rule = "not all be None"
            refuse(self, "brightness_factor, ..., hue_factor", rule, None, "Give at least one.")
        self.uniform = all(part.uniform for part in self._parts)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Each part's parameters, under the part's name."""
        return {part.title: part.sample(draw.within(part.title)) for part in self._parts}

    def element(self, mean: Any, unit: float, **drawn: dict[str, Any]) -> Any:
        """The parts' matrices composed, each one's mean the one before's result."""
        total = matrices.identity(tf.shape(mean)[0], mean.shape[1])
        for part in self._parts:
            matrix = part.element(mean, unit, **drawn[part.title])
            mean = matrices.transform(matrix, mean)
            total = matrices.compose(total, matrix)
        return total


def _optional(owner: object, name: str, factor: Any, minimum: float) -> factors.Factor | None:
    return None if factor is None else factors.checked(owner, name, factor, minimum, 1)
