"""Stochastic depth: whole residual blocks are dropped while training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config
from keras_trainkit._core.registration import register


@register
class StochasticDepth(keras.layers.Layer):
    """Adds a residual branch to its shortcut, and drops the branch at random while training.

    With b drawn from Bernoulli(p), p being `survival_probability`:

    | `scaling`    | training                     | testing                  |
    | ------------ | ---------------------------- | ------------------------ |
    | `"test"`     | `shortcut + b * residual`     | `shortcut + p * residual` |
    | `"inverted"` | `shortcut + b * residual / p` | `shortcut + residual`     |

    The first row is the paper's; the second leaves a plain residual network for testing, as
    Keras' `Dropout` does. Both have the same mean in training as in testing. The branch is
    computed and then multiplied by zero, so a dropped block saves no time: `SkippableBlock` does,
    which drops whole batches.

    Args:
        survival_probability: The probability p of keeping the branch, above 0 and at most 1;
            `linear_decay` gives the paper's values, block by block.
        per: `"image"` draws b for each row of the batch on its own; `"batch"` draws one b for
            the whole batch, as in the paper.
        scaling: `"test"` or `"inverted"`, the table above.
        seed: An integer makes the draws reproducible.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: A list `[shortcut, residual]` of two floating tensors of one shape
            `(batch, ...)`, of any rank.
        training: Whether to draw.

    Returns:
        A tensor of that shape, in the layer's compute dtype.

    Raises:
        ValueError: If an argument breaks its rule, or the inputs are not two of one shape.

    Example:

    >>> import numpy as np
    >>> layer = StochasticDepth(survival_probability=0.8)
    >>> shortcut, residual = np.ones((2, 4), "float32"), np.ones((2, 4), "float32")
    >>> print(np.round(layer([shortcut, residual], training=False)[0], 3))
    [1.8 1.8 1.8 1.8]

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", section 3. One draw an
    image is the default here, where the paper draws once a minibatch: the gradient is less
    noisy for the same p.
    """

    def __init__(
        self,
        survival_probability: float = 0.5,
        per: str = "image",
        scaling: str = "test",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.survival_probability = arguments.number(
            self, "survival_probability", survival_probability, above=0, maximum=1
        )
        self.per = arguments.one_of(self, "per", per, ("image", "batch"))
        self.scaling = arguments.one_of(self, "scaling", scaling, ("test", "inverted"))
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Refuses anything but two inputs of one shape."""
        shapes = [tuple(shape) for shape in input_shape if isinstance(shape, list | tuple)]
        if len(shapes) != 2 or not shapes_agree(*shapes):
            arguments.refuse(
                self, "inputs", "be [shortcut, residual], two tensors of one shape", input_shape
            )
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Shortcut plus the residual, weighted by the draw (training) or its mean (testing)."""
        shortcut, residual = inputs
        probability = self.survival_probability
        if training and probability < 1:
            return shortcut + self._survivors(residual) * residual
        if self.scaling == "test" and probability < 1:
            return shortcut + probability * residual
        return shortcut + residual

    def _survivors(self, residual: Any) -> Any:
        """One weight a row or one a batch, shaped to broadcast over the residual."""
        rows = ops.shape(residual)[0] if self.per == "image" else 1
        shape = (rows, *[1] * (len(residual.shape) - 1))
        # Drawn in float32: half precision has too few numbers for a probability.
        drawn = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        kept = ops.cast(drawn < self.survival_probability, residual.dtype)
        return kept / self.survival_probability if self.scaling == "inverted" else kept

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The shortcut's mask."""
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shortcut's shape."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}


def linear_decay(block: int, blocks: int, last: float = 0.5) -> float:
    """The survival probability of a residual block, falling linearly with depth.

    `p_l = 1 - (l / L) (1 - p_L)`: early blocks, which all later ones stand on, are kept more.

    Args:
        block: l, the block's number, from 1 to `blocks`.
        blocks: L, the number of residual blocks in the network.
        last: p_L, the survival probability of the last block, above 0 and at most 1.

    Returns:
        p_l.

    Raises:
        ValueError: If an argument breaks its rule.

    Example:

    >>> [linear_decay(block, 5) for block in range(1, 6)]
    [0.9, 0.8, 0.7, 0.6, 0.5]

    Source: Huang et al. 2016, section 3, the linear decay rule.
    """
    blocks = arguments.integer("linear_decay", "blocks", blocks, 1)
    block = arguments.integer("linear_decay", "block", block, 1)
    if block > blocks:
        arguments.refuse("linear_decay", "block", f"be at most `blocks` = {blocks}", block)
    last = arguments.number("linear_decay", "last", last, above=0, maximum=1)
    return 1 - block / blocks * (1 - last)


def shapes_agree(first: tuple[int | None, ...], second: tuple[int | None, ...]) -> bool:
    """Whether two shapes may be one, where a side may be unknown."""
    return len(first) == len(second) and all(
        a is None or b is None or a == b for a, b in zip(first, second, strict=True)
    )
