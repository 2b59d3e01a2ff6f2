"""Maxout: the largest of several affine functions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.registration import register


@register
class Maxout(keras.layers.Layer):
    """A `Dense` layer whose activation is learned: the maximum of several affine pieces.

    `h_i = max_j (x W_ij + b_ij)`, j running over `pieces`: a convex function made of straight
    pieces, as ReLU and the absolute value are with two. It never saturates, and the paper pairs
    it with dropout before the layer.

    TensorFlow Addons' `Maxout(num_units)` has no weights: it takes the maximum over groups of
    neighbouring features. This layer is `Dense(units * pieces)` followed by that one; its kernel
    has the shape `(features, units * pieces)`, a unit's pieces standing side by side, so a norm
    constraint over axis 0 bounds each piece, as in the paper.

    Args:
        units: The number of outputs.
        pieces: How many affine functions each output is the maximum of, k in the paper.
        use_bias: Whether to add b.
        kernel_initializer, bias_initializer: As in `keras.layers.Dense`.
        kernel_regularizer, bias_regularizer, activity_regularizer: As in `keras.layers.Dense`.
        kernel_constraint, bias_constraint: As in `keras.layers.Dense`.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: A tensor of shape `(batch, ..., features)`.

    Returns:
        A tensor of shape `(batch, ..., units)`.

    Raises:
        ValueError: If an argument breaks its rule.

    Example:

    >>> import numpy as np
    >>> layer = Maxout(units=3, pieces=2)
    >>> layer(np.ones((4, 5), "float32")).shape
    TensorShape([4, 3])

    Source: Goodfellow et al. 2013, "Maxout Networks", section 3.
    """

    def __init__(
        self,
        units: int,
        pieces: int = 2,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=keras.regularizers.get(activity_regularizer), **kwargs
        )
        self.units = arguments.integer(self, "units", units, 1)
        self.pieces = arguments.integer(self, "pieces", pieces, 1)
        self.use_bias = arguments.boolean(self, "use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias."""
        features = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, self.units * self.pieces),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units * self.pieces,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs: Any) -> Any:
        """The largest piece of each unit."""
        outputs = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        shape = (*ops.shape(outputs)[:-1], self.units, self.pieces)
        return ops.max(ops.reshape(outputs, shape), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`units` in place of the features."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Maxout:
        """The layer that `get_config` describes."""
        return cls(**revive(config))
