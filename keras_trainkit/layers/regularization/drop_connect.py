"""DropConnect: single weights are dropped while training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.registration import register
from keras_trainkit.layers.regularization._affine import KINDS, broadcast_shape, linear
from keras_trainkit.layers.regularization._expectation import expectation, is_elementwise

METHODS = ("flipout", "gaussian", "exact")


@register
class DropConnect(keras.layers.Wrapper):
    """Drops single weights of the layer inside it at random while training.

    With every entry of the masks M and m drawn from Bernoulli(1 - `rate`), a layer
    `activation(x W + b)` computes while training

    `activation((x (M * W) + m * b) / (1 - rate))`

    so that the mean of what the activation receives is `x W + b`, and the trained weights are
    those to test with. One mask serves the whole batch, or each example has its own:

    | `per`       | `method`     | an example's mask | masks of two examples | cost        |
    | ----------- | ------------ | ----------------- | --------------------- | ----------- |
    | `"batch"`   |              | exact             | the same              | 1 product   |
    | `"example"` | `"flipout"`  | exact             | correlated, see below | 2 products  |
    | `"example"` | `"gaussian"` | mean and variance | independent           | 2 products  |
    | `"example"` | `"exact"`    | exact             | independent           | a loop      |

    - `"flipout"` draws one matrix of signs a batch, and for each example signs for the rows and
      columns that turn it into a matrix of its own: every example's mask has exactly the
      distribution above. At rate 1/2 a weight is dropped independently in any two examples. At
      other rates the signs decide on a share 2 min(rate, 1 - rate) of the weights, drawn once a
      batch, and the others are kept (above 1/2: dropped) in the whole batch; two examples then
      agree on a weight with correlation |1 - 2 rate| / (2 max(rate, 1 - rate)): 0.29 at 0.3.
    - `"gaussian"` draws what the activation receives from the normal distribution of the right
      mean and variance. Two places of one example, which one mask would correlate (after a
      convolution, or a `Dense` on a sequence), are independent.
    - `"exact"` draws and multiplies example by example, and once more for the gradient, so that
      one mask is in memory at a time: about a hundred times slower on a CPU.

    Testing is done with all connections (`inference="mean"`), or with `"moments"`: what the
    activation receives is taken as normal, with the mean and variance that the masks give it,
    and the output is the mean of its activation, in closed form for ReLU and by Gauss-Hermite
    quadrature with nine nodes for others. That costs a second product, and is nearer to the
    mean of many draws.

    The layer inside owns its weights, under its own names. Its regularizers and constraints see
    them whole; LoRA's low-rank term is masked together with the kernel. A quantized layer can
    only be tested with all connections. The dtype is that of the layer inside.

    Args:
        layer: A `Dense`, `Conv1D`, `Conv2D`, `Conv3D`, `DepthwiseConv1D` or `DepthwiseConv2D`
            layer of Keras.
        rate: The share of the weights to drop, at least 0 and below 1.
        per: `"batch"` or `"example"`: what a mask is drawn for. The paper draws one for each
            example, which is twice as dear.
        method: How each example gets its mask: `"flipout"`, `"gaussian"` or `"exact"`.
        mask_bias: Whether biases are dropped too, as in the paper.
        inference: `"mean"` or `"moments"`. The latter needs an activation that acts on each
            number by itself.
        seed: An integer makes the draws reproducible.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: What the layer inside takes.
        training: Whether to draw.

    Raises:
        ValueError: If an argument breaks its rule, or a quantized layer is trained.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> dense = keras.layers.Dense(4, kernel_initializer="ones")
    >>> layer = DropConnect(dense, rate=0.5, seed=1)
    >>> print(np.unique(layer(np.eye(8), training=True)))
    [0. 2.]
    >>> print(np.unique(layer(np.eye(8))))
    [1.]

    Source: Wan et al. 2013, "Regularization of Neural Networks using DropConnect", which scales
    by 1 - rate when testing instead, and takes the mean over the normal distribution from
    samples; signs as in Wen et al. 2018, "Flipout", which treats rate 1/2.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        rate: float,
        per: str = "batch",
        method: str = "flipout",
        mask_bias: bool = True,
        inference: str = "mean",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if type(layer) not in KINDS:
            names = ", ".join(kind.__name__ for kind in KINDS)
            arguments.refuse(self, "layer", f"be one of Keras' {names}", layer)
        # The layer inside casts the inputs, to a dtype of its own.
        super().__init__(layer, autocast=False, **kwargs)
        self.rate = arguments.number(self, "rate", rate, minimum=0, below=1)
        self.per = arguments.one_of(self, "per", per, ("batch", "example"))
        self.method = arguments.one_of(self, "method", method, METHODS)
        if self.per == "batch" and self.method != "flipout":
            cure = 'Give `per="example"` too.'
            arguments.refuse(self, "method", "be left alone with one mask a batch", method, cure)
        self.mask_bias = arguments.boolean(self, "mask_bias", mask_bias)
        self.inference = arguments.one_of(self, "inference", inference, ("mean", "moments"))
        if self.inference == "moments" and not is_elementwise(layer.activation):
            arguments.refuse(
                self,
                "layer",
                'have an activation that acts on each number by itself for inference="moments"',
                layer.activation,
                'Take the activation out into a layer of its own, or inference="mean".',
            )
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = layer.supports_masking

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer inside with a draw of its weights (training), or with all (testing)."""
        if self.rate == 0 or not (training or self.inference == "moments"):
            return self.layer(inputs)
        inputs, kernel, bias = self._operands(inputs)
        if training:
            draw = self._one_mask if self.per == "batch" else getattr(self, f"_{self.method}")
            outputs = draw(inputs, kernel, bias)
            if self.layer.activation is not None:
                outputs = self.layer.activation(outputs)
        else:
            outputs = expectation(self.layer.activation, *self._moments(inputs, kernel, bias))
        outputs = ops.cast(outputs, self.layer.compute_dtype)
        if self.layer.activity_regularizer is not None:  # else applied by the layer's `__call__`
            rows = ops.cast(ops.shape(outputs)[0], outputs.dtype)
            self.add_loss(self.layer.activity_regularizer(outputs) / rows)
        return outputs

    def _operands(self, inputs: Any) -> tuple[Any, ...]:
        """Inputs, kernel and bias in the dtype of the layer inside."""
        layer = self.layer
        if layer.dtype_policy.quantization_mode is not None:
            arguments.refuse(
                self,
                "layer",
                "not be quantized to draw from its weights",
                layer,
                'Quantize after training, and test with inference="mean".',
            )
        bias = layer.bias if layer.use_bias else None
        return tuple(
            None if value is None else ops.cast(ops.convert_to_tensor(value), layer.compute_dtype)
            for value in (inputs, layer.kernel, bias)
        )

    def _one_mask(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        masked = kernel * self._mask(kernel.shape, kernel.dtype)
        return self._with_bias(linear(self.layer, inputs, masked), bias, rows=1)

    def _flipout(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        rows = ops.shape(inputs)[0]
        rarer = min(self.rate, 1 - self.rate)
        drawn = self._uniform(kernel.shape)
        # A weight is left to the signs with probability 2 * rarer, its mask then 1/2 + or - 1/2.
        left = ops.cast(drawn < 2 * rarer, kernel.dtype) / 2
        signed = ops.cast(drawn < rarer, kernel.dtype) - left
        alike = left if self.rate > 0.5 else 1 - left
        outputs = linear(self.layer, inputs, kernel * alike)
        own = linear(self.layer, inputs * self._signs(inputs, rows), kernel * signed)
        outputs = (outputs + own * self._signs(outputs, rows)) / (1 - self.rate)
        return self._with_bias(outputs, bias, rows)

    def _gaussian(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        mean, deviation = self._moments(inputs, kernel, bias)
        noise = keras.random.normal(ops.shape(mean), dtype="float32", seed=self.seed_generator)
        return ops.cast(mean + deviation * ops.cast(noise, mean.dtype), inputs.dtype)

    def _exact(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        rows = ops.shape(inputs)[0]
        keys = keras.random.randint((rows, 2), 0, 2**31 - 1, seed=self.seed_generator)

        def example(row_and_key: tuple[Any, Any]) -> Any:
            row, key = row_and_key

            def draw(row: Any, kernel: Any, *bias: Any) -> Any:
                # The loop must not assign the seed's state; each turn draws from its own key.
                with keras.StatelessScope([(self.seed_generator.state, key)]):
                    return self._one_mask(row[None], kernel, *(bias or [None]))[0]

            # Masks are drawn again for the gradient: kept, they would fill the memory.
            return keras.remat(draw)(row, kernel, *([] if bias is None else [bias]))

        return ops.map(example, (inputs, keys))

    def _moments(self, inputs: Any, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """Mean and standard deviation of what the activation receives, over the masks."""
        wide = keras.backend.result_type(inputs.dtype, "float32")  # squares leave float16's range
        inputs, kernel = ops.cast(inputs, wide), ops.cast(kernel, wide)
        mean = linear(self.layer, inputs, kernel)
        variance = linear(self.layer, ops.square(inputs), ops.square(kernel))
        if bias is not None:
            bias = ops.reshape(ops.cast(bias, wide), broadcast_shape(self.layer, 1, mean))
            mean = mean + bias
            variance = variance + ops.square(bias) if self.mask_bias else variance
        variance = variance * (self.rate / (1 - self.rate))
        return mean, ops.sqrt(ops.maximum(variance, 1e-24))  # the root's gradient at 0 is infinite

    def _with_bias(self, outputs: Any, bias: Any, rows: Any) -> Any:
        """Adds the bias, under a mask for each of `rows` examples."""
        if bias is None:
            return outputs
        bias = ops.reshape(bias, broadcast_shape(self.layer, 1, outputs))
        if self.mask_bias:
            bias = bias * self._mask(broadcast_shape(self.layer, rows, outputs), bias.dtype)
        return outputs + bias

    def _mask(self, shape: Any, dtype: Any) -> Any:
        """0 or 1 / (1 - rate)."""
        kept = 1 - self.rate
        return ops.cast(self._uniform(shape) < kept, dtype) / kept

    def _signs(self, like: Any, rows: Any) -> Any:
        """-1 or 1 for each example and channel."""
        drawn = self._uniform(broadcast_shape(self.layer, rows, like))
        return ops.cast(drawn < 0.5, like.dtype) * 2 - 1

    def _uniform(self, shape: Any) -> Any:
        # In float32: half precision has too few numbers for a probability.
        return keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the layer inside."""
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        """That of the layer inside, in its dtype."""
        return self.layer.compute_output_spec(inputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DropConnect:
        """The layer that `get_config` describes."""
        return cls(**revive(config))
