"""The mean of an activation of a normal variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


def expectation(activation: Callable[[Any], Any] | None, mean: Any, deviation: Any) -> Any:
    """E[activation(z)] for z normal, element by element: exact for none and ReLU.

    Otherwise by Gauss-Hermite quadrature with nine nodes, exact for polynomials of degree 17.
    """
    if activation in (None, keras.activations.linear):
        return mean
    if activation is keras.activations.relu:
        ratio = mean / deviation
        above = (1 + ops.erf(ratio * 0.5**0.5)) / 2
        density = ops.exp(-ops.square(ratio) / 2) * (2 * np.pi) ** -0.5
        return ops.relu(mean * above + deviation * density)  # never below 0 by rounding
    weights = WEIGHTS / WEIGHTS.sum()
    return sum(
        weight * activation(mean + node * deviation)
        for node, weight in zip(NODES.tolist(), weights.tolist(), strict=True)
    )


def is_elementwise(activation: Callable[[Any], Any] | None) -> bool:
    """Whether a number's activation depends on that number alone, tried on eight numbers."""
    if activation is None:
        return True
    if isinstance(activation, keras.layers.Layer):  # a copy, so that it is not built by this
        activation = type(activation).from_config(activation.get_config())
    numbers = np.linspace(-2, 2, 8, dtype="float32").reshape(2, 4)
    together = ops.convert_to_numpy(activation(ops.convert_to_tensor(numbers)))
    if together.shape != numbers.shape:
        return False
    return all(
        np.allclose(
            ops.convert_to_numpy(activation(ops.full((2, 4), numbers[place])))[place],
            together[place],
            rtol=1e-4,
            atol=1e-6,
            equal_nan=True,
        )
        for place in np.ndindex(numbers.shape)
    )
