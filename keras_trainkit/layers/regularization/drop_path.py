"""Drop path: a residual branch is dropped for some images while training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config
from keras_trainkit._core.registration import register


@register
class DropPath(keras.layers.Layer):
    """Drops its whole input for some images of a batch while training.

    With b drawn from Bernoulli(1 - rate) for each row of the batch, training gives
    `inputs * b / (1 - rate)`, so that testing, which gives the inputs, has the same mean. It
    stands at the end of a residual branch, before the sum: then it is
    `StochasticDepth(1 - rate, scaling="inverted")`, which takes both summands.

    Args:
        rate: The probability of dropping a row, at least 0 and below 1.
        seed: An integer makes the draws reproducible.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: A floating tensor `(batch, ...)` of any rank.
        training: Whether to draw.

    Returns:
        A tensor of that shape, in the layer's compute dtype.

    Raises:
        ValueError: If an argument breaks its rule.

    Example:

    >>> import numpy as np
    >>> branch = np.ones((4, 3), "float32")
    >>> dropped = np.array(DropPath(rate=0.5, seed=1)(branch, training=True))
    >>> bool((dropped == dropped[:, :1]).all())  # a row is kept whole or dropped whole
    True
    >>> sorted(set(np.ravel(DropPath(0.5)(np.ones((64, 3), "float32"), training=True)).tolist()))
    [0.0, 2.0]

    Source: Larsson et al. 2017, "FractalNet: Ultra-Deep Neural Networks without Residuals", has
    the name; what carries it in residual networks is Huang et al. 2016, "Deep Networks with
    Stochastic Depth", drawn image by image.
    """

    def __init__(self, rate: float = 0.5, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.number(self, "rate", rate, minimum=0, below=1)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The inputs, in training each row times its draw."""
        if not training or self.rate == 0:
            return inputs
        shape = (ops.shape(inputs)[0], *[1] * (len(inputs.shape) - 1))
        # Drawn in float32: half precision has too few numbers for a probability.
        drawn = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        return inputs * ops.cast(drawn >= self.rate, inputs.dtype) / (1 - self.rate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}
