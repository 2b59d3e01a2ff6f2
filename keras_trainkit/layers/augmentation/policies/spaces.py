"""How far the operations of a policy go: the spaces of the papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.runs.policies import OPERATIONS

_ENHANCERS = ("Color", "Sharpness", "Brightness", "Contrast")
_SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", *_ENHANCERS)


@dataclass(frozen=True)
class Space:
    """What a fraction between 0 and 1 means for each operation.

    Attributes:
        ends: By name, what an operation does at 0 and at 1; nothing where it takes no amount.
        in_sides: Whether translations are in sides of the image, not in pixels.
    """

    ends: dict[str, tuple[float, float]]
    in_sides: bool = True

    def steps(self, size: Size, places: Any, fractions: Any, signs: Any) -> Any:
        """The steps of a policy, (n, ..., 2), each the place of an operation and its amount.

        Args:
            size: The images'.
            places: (n, ...) int32, in `OPERATIONS`.
            fractions: Float32, of the same shape, or one for all.
            signs: (n, ...) float32, -1 or 1, for the operations that have a sign.
        """
        height, width = (tf.cast(length, tf.float32) if self.in_sides else 1.0 for length in size)
        start, stop = (self._column(end) for end in (0, 1))
        amounts = _of(places, start) + _of(places, stop - start) * fractions
        amounts = tf.where(_of(places, _among(_SIGNED)), amounts * signs, amounts)
        # what decides between levels is the same number whichever compiler added and multiplied:
        # whole bits and thresholds, and factors whose products with levels float32 holds
        for names, exact in (
            (("TranslateX",), amounts * width),
            (("TranslateY",), amounts * height),
            (("Posterize",), tf.round(amounts)),
            (("Solarize",), tf.math.ceil(amounts - 1e-3)),
            (_ENHANCERS, 1.0 + tf.round(amounts * 2**14) / 2**14),
        ):
            amounts = tf.where(_of(places, _among(names)), exact, amounts)
        return tf.stack([tf.cast(places, tf.float32), amounts], axis=-1)

    def takes_amount(self, name: str) -> bool:
        """Whether the operation has a magnitude."""
        return name in self.ends

    def _column(self, end: int) -> np.ndarray:
        return np.array([self.ends.get(name, (0, 0))[end] for name in OPERATIONS], np.float32)


def _among(names: tuple[str, ...]) -> np.ndarray:
    return np.array([name in names for name in OPERATIONS])


def _of(places: Any, column: np.ndarray) -> Any:
    return tf.gather(tf.constant(column), places)


def _space(
    shear: float,
    translate: float,
    rotate: float,
    enhance: float,
    posterize: tuple[float, float],
    solarize: tuple[float, float],
    in_sides: bool = True,
) -> Space:
    ends = {
        "ShearX": (0.0, shear),
        "ShearY": (0.0, shear),
        "TranslateX": (0.0, translate),
        "TranslateY": (0.0, translate),
        "Rotate": (0.0, rotate),
        **dict.fromkeys(_ENHANCERS, (0.0, enhance)),
        "Posterize": posterize,
        "Solarize": solarize,
    }
    return Space(ends, in_sides)


AUTO_AUGMENT = _space(0.3, 150 / 331, 30.0, 0.9, (8.0, 4.0), (255.0, 0.0))
TRIVIAL_AUGMENT = _space(0.99, 32.0, 135.0, 0.99, (8.0, 2.0), (255.0, 0.0), in_sides=False)
# the authors' code cuts posterize's bits off, 4 - int(4 f): that is 4.5 - 4 f, rounded
AUG_MIX = _space(0.3, 1 / 3, 30.0, 0.9, (4.5, 0.5), (256.0, 0.0))


def _places(names: str) -> tuple[int, ...]:
    return tuple(map(OPERATIONS.index, names.split()))


# the operations from which policies draw, by their places
NINE = _places(
    "AutoContrast Equalize Posterize Rotate Solarize ShearX ShearY TranslateX TranslateY"
)
THIRTEEN = NINE + _places("Color Contrast Brightness Sharpness")
FOURTEEN = _places(
    "Identity AutoContrast Equalize Rotate Solarize Color Posterize Contrast Brightness Sharpness "
    "ShearX ShearY TranslateX TranslateY"
)
