"""AlexNet's colour jitter along the principal components of RGB."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color

IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


@register
class PCAColorJitter(Color):
    """Adds to every pixel of an image the colour sum_i p_i alpha_i l_i, alpha_i ~ N(0, sigma^2).

    p_i and l_i are the eigenvectors and eigenvalues of the covariance of all RGB pixels of the
    training set, scaled to [0, 1]; the colour is in that scale, times the width of
    `value_range`.  One draw an image.

    Args:
        sigma: Of alpha. Default 0.1.
        eigenvalues: l_1, l_2, l_3. Default: ImageNet's, as generally used (they are larger than
            the variance of its pixels allows: a convention, not a measurement).
        eigenvectors: Three rows of three, for R, G and B; column i is p_i. Default: ImageNet's.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a negative sigma, numbers that are not finite, or other shapes; at the
            first call, for images of other than 3 or 4 channels.  A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> jitter = layers.PCAColorJitter(0.1)
    >>> jitter(np.full((2, 4, 4, 3), 128, "uint8")).dtype
    tf.uint8

    Source: Krizhevsky et al. 2012, section 4.1.
    """

    def __init__(
        self,
        sigma: float = 0.1,
        eigenvalues: tuple[float, ...] = IMAGENET_EIGENVALUES,
        eigenvectors: tuple[tuple[float, ...], ...] = IMAGENET_EIGENVECTORS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sigma = arguments.number(self, "sigma", sigma, minimum=0)
        self.eigenvalues = arguments.numbers_of(self, "eigenvalues", eigenvalues, 3)
        if not isinstance(eigenvectors, list | tuple | np.ndarray) or len(eigenvectors) != 3:
            refuse(self, "eigenvectors", "be three rows of three numbers", eigenvectors)
        self.eigenvectors = tuple(
            arguments.numbers_of(self, "eigenvectors", row, 3) for row in eigenvectors
        )

    def absorb(self, mean: np.ndarray, covariance: np.ndarray, unit: float) -> None:
        """Takes over the principal components."""
        if len(mean) not in (3, 4):
            refuse(self, "data", "have 3 or 4 channels", len(mean))
        values, vectors = np.linalg.eigh(covariance[:3, :3] / unit**2)
        # eigh sorts upwards, and rounding can leave an eigenvalue just below 0
        self.eigenvalues = tuple(float(value) for value in np.maximum(values[::-1], 0))
        self.eigenvectors = tuple(tuple(float(v) for v in row) for row in vectors[:, ::-1])

    def sample(self, draw: Any) -> dict[str, Any]:
        """alpha_1, alpha_2, alpha_3."""
        return {f"alpha_{i}": draw.normal(f"alpha_{i}", self.sigma) for i in (1, 2, 3)}

    def element(self, mean: Any, unit: float, alpha_1: Any, alpha_2: Any, alpha_3: Any) -> Any:
        """The shift."""
        components = np.array(self.eigenvectors) * np.array(self.eigenvalues) * unit
        columns = tf.constant(components.T, tf.float32)
        shift = sum(a[:, None] * columns[i] for i, a in enumerate((alpha_1, alpha_2, alpha_3)))
        return matrices.add(shift)
