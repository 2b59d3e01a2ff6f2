"""Random lens distortion."""

from __future__ import annotations

from itertools import product
from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import CURVED, Lengths


@register
class RandomLensDistortion(Geometry):
    """Bends images as a lens does: into a barrel or into a pincushion.

    What the result shows at the radius r from the centre stood in the image at
    r (1 + k1 r^2 + k2 r^4), radii in half diagonals, so that r is 1 in the corners.  Positive
    coefficients give a barrel, whose corners lie beyond the border, negative ones a pincushion.
    Distances near the centre keep their length.

    Args:
        k1: The first coefficient: the pair (low, high), or one number f for (-f, f).
            Default 0.15.
        k2: The second, likewise. Default 0.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for pairs in the wrong order, and for coefficients that fold the image: the
            formula must rise with r up to the corners.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomLensDistortion(0.3)(np.zeros((4, 32, 32, 3), "uint8")).shape
    TensorShape([4, 32, 32, 3])

    Source: Brown 1966, "Decentering distortion of lenses", its radial part, which gives the
    undistorted place for a distorted one.
    """

    level = CURVED

    def __init__(self, k1: factors.Factor = 0.15, k2: factors.Factor = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k1 = factors.checked(self, "k1", k1, -10, 10)
        self.k2 = factors.checked(self, "k2", k2, -10, 10)
        least = min(_slope(a, b, square) for a, b in self._ends() for square in _turns(a, b))
        if least < 0.01:
            cure = "Keep 1 + 3 k1 r^2 + 5 k2 r^4 above 0 for r up to 1."
            refuse(self, "k1 and k2", "not fold the image", (self.k1, self.k2), cure)

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """The steepest slope."""
        factor = max(_slope(a, b, square) for a, b in self._ends() for square in _turns(a, b))
        return factor, factor

    def sample(self, draw: Any) -> dict[str, Any]:
        """The two coefficients."""
        return {
            "k1": draw.uniform("k1", *factors.symmetric(self.k1)),
            "k2": draw.uniform("k2", *factors.symmetric(self.k2)),
        }

    def element(self, size: coordinates.Size, k1: Any, k2: Any) -> Any:
        """The coefficients, (n, 2)."""
        return tf.stack([k1, k2], axis=1)

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """No distortion."""
        return tf.zeros([rows, 2])

    def _ends(self) -> list[tuple[float, float]]:
        return list(product(factors.symmetric(self.k1), factors.symmetric(self.k2)))


def _slope(k1: float, k2: float, square: float) -> float:
    """Of r (1 + k1 r^2 + k2 r^4) where r^2 is `square`."""
    return 1 + 3 * k1 * square + 5 * k2 * square**2


def _turns(k1: float, k2: float) -> tuple[float, ...]:
    """Squares in [0, 1] where the slope can be largest or smallest."""
    turn = -3 * k1 / (10 * k2) if k2 else 0.0
    return (0.0, 1.0, turn) if 0 < turn < 1 else (0.0, 1.0)
