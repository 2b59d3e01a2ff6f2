"""Stochastic depth that does not run the blocks it drops."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit._core.xla import inside_xla
from keras_trainkit.layers.regularization.stochastic_depth import shapes_agree


@register
class SkippableBlock(keras.layers.Layer):
    """Adds a residual block to its shortcut, or for a whole batch leaves it out, unrun.

    With b drawn from Bernoulli(p) once a batch, p being `survival_probability`:

    | `scaling`    | training                         | testing                      |
    | ------------ | -------------------------------- | ---------------------------- |
    | `"test"`     | `shortcut(x) + b * block(x)`     | `shortcut(x) + p * block(x)` |
    | `"inverted"` | `shortcut(x) + b * block(x) / p` | `shortcut(x) + block(x)`     |

    Where b is 0 the block is run neither forward nor backward: its gradients are zeros, its
    state (moving statistics, seeds) stays as it was, and so do the losses that its layers add.
    Penalties on its weights do not depend on the draw. `StochasticDepth` is the same sum of two
    tensors, which can also draw for each image, and saves no time.

    On JAX, and on TensorFlow under `jit_compile=True` without a GPU, a conditional round
    convolutions takes about ten times as long as the convolutions, so there the block is always
    run and what it gives is masked: the same results, and no time saved. `skip` decides otherwise.
    TensorFlow traces a block that can be skipped about three times as long as another, once.

    Args:
        block: A layer, a `Sequential` or another model from one tensor to one of the shape of
            the shortcut, such as two convolutions, each with its batch normalisation. Its weights
            are saved and named as its own.
        survival_probability: The probability p of running the block, above 0 and at most 1;
            `linear_decay` gives the paper's values, block by block.
        shortcut: A layer that is always run, for a block that changes the shape. Default: the
            input itself.
        scaling: `"test"`, the paper's, or `"inverted"`: the table above.
        skip: `"auto"` as above; `True` leaves out the block everywhere, `False` nowhere.
        seed: An integer makes the draws reproducible.
        **kwargs: Those of `keras.layers.Layer`. The compute dtype is that of the sum; block and
            shortcut keep their own.

    Call arguments:
        inputs: One tensor. A mask goes to the block, and on to the next layer.
        training: Whether to draw.

    Returns:
        A tensor of the shortcut's shape, in the layer's compute dtype.

    Raises:
        ValueError: If an argument breaks its rule, or, when built, the block's shape is not the
            shortcut's.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras import layers
    >>> block = keras.Sequential([layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization()])
    >>> SkippableBlock(block, survival_probability=0.8)(np.ones((2, 8, 8, 4), "float32")).shape
    TensorShape([2, 8, 8, 4])

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", section 3.
    """

    def __init__(
        self,
        block: keras.layers.Layer,
        survival_probability: float = 0.5,
        shortcut: keras.layers.Layer | None = None,
        scaling: str = "test",
        skip: bool | str = "auto",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if not isinstance(block, keras.layers.Layer):
            arguments.refuse(self, "block", "be a Keras layer", block)
        if not isinstance(shortcut, keras.layers.Layer | None):
            arguments.refuse(self, "shortcut", "be a Keras layer or None", shortcut)
        self.block = block
        self.survival_probability = arguments.number(
            self, "survival_probability", survival_probability, above=0, maximum=1
        )
        self.shortcut = shortcut
        self.scaling = arguments.one_of(self, "scaling", scaling, ("test", "inverted"))
        if skip != "auto" and not isinstance(skip, bool | np.bool_):
            arguments.refuse(self, "skip", "be 'auto', True or False", skip)
        self.skip = skip if skip == "auto" else bool(skip)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    @property
    def variable_dtype(self) -> str:
        """The compute dtype: there is no weight of its own that Keras would have to cast.

        Keras casts all that is read in a layer of two dtypes, the block's weights and state too,
        which are handed to the block and given back as they are.
        """
        return str(self.compute_dtype)

    def build(self, input_shape: Any) -> None:
        """Builds block and shortcut, and refuses shapes that do not add."""
        if not all(isinstance(side, int | None) for side in input_shape):
            arguments.refuse(self, "inputs", "be one tensor", input_shape)
        inputs = keras.KerasTensor(input_shape, self.compute_dtype)
        expected = tuple((inputs if self.shortcut is None else self.shortcut(inputs)).shape)
        given = getattr(self.block(inputs), "shape", None)
        if given is None or not shapes_agree(expected, tuple(given)):
            rule = f"give one tensor of the shortcut's shape {expected}"
            cure = "A `shortcut` layer can bring the input to the block's shape."
            arguments.refuse(self, "block", rule, given, cure)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The shortcut, plus the block by the draw (training) or by its mean (testing)."""
        shortcut = inputs if self.shortcut is None else self.shortcut(inputs)
        shortcut = ops.cast(shortcut, self.compute_dtype)
        probability = self.survival_probability
        if training and probability < 1:
            return self._drawn(inputs, shortcut)
        return self._sum(inputs, shortcut, probability if self.scaling == "test" else 1)

    def _sum(self, inputs: Any, shortcut: Any, weight: float) -> Any:
        residual = ops.cast(self.block(inputs), self.compute_dtype)
        return shortcut + (residual if weight == 1 else weight * residual)

    def _drawn(self, inputs: Any, shortcut: Any) -> Any:
        """One of two pure functions of everything that they touch; then the state is assigned.

        On PyTorch a condition is Python's, so that the block may be run as it is.
        """
        block = self.block
        weights = [v.value for v in block.trainable_variables]
        state = [v.value for v in block.non_trainable_variables]
        given = list(zip(block.trainable_variables, weights, strict=True))
        given += zip(block.non_trainable_variables, state, strict=True)
        weight = 1 if self.scaling == "test" else 1 / self.survival_probability
        losses: list[Any] = []

        def run() -> Any:
            with keras.StatelessScope(given, collect_losses=True) as scope:
                outputs = self._sum(inputs, shortcut, weight)
            losses.extend(scope.losses)
            new = [scope.get_current_value(v) for v in block.non_trainable_variables]
            return outputs, new, sum((ops.cast(loss, "float32") for loss in losses), nothing)

        def drop() -> Any:
            return ops.custom_gradient(_without)(shortcut, *weights), state, nothing

        nothing = ops.zeros((), "float32")
        # Drawn in float32: half precision has too few numbers for a probability.
        drawn = keras.random.uniform((), dtype="float32", seed=self.seed_generator)
        survives = drawn < self.survival_probability
        if self._skips() and keras.backend.backend() == "torch":
            return ops.cond(
                survives,
                lambda: self._sum(inputs, shortcut, weight),
                lambda: ops.custom_gradient(_without)(shortcut, *weights),
            )
        if self._skips():
            outputs, new, loss = ops.cond(survives, run, drop)
        else:
            outputs, new, loss = keras.tree.map_structure(
                lambda ran, dropped: ops.where(survives, ran, dropped), run(), drop()
            )
        for variable, value in zip(block.non_trainable_variables, new, strict=True):
            variable.assign(value)
        if losses:
            self.add_loss(loss)
        return outputs

    def _skips(self) -> bool:
        if isinstance(self.skip, bool):
            return self.skip
        backend = keras.backend.backend()
        if backend == "tensorflow" and inside_xla():
            return bool(tf.config.list_physical_devices("GPU"))
        return backend != "jax"

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's mask."""
        return mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shortcut's shape."""
        if self.shortcut is None:
            return input_shape
        return self.shortcut.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SkippableBlock:
        """The layer of a config, its block and shortcut built again."""
        return cls(**revive(config))


def _without(shortcut: Any, *weights: Any) -> Any:
    """The shortcut, and its gradient: zeros for the weights, where unused ones have none."""

    def gradient(*inputs: Any, upstream: Any = None) -> Any:
        upstream = inputs[0] if upstream is None else upstream
        return upstream, *[ops.zeros_like(weight) for weight in weights]

    return shortcut, gradient
