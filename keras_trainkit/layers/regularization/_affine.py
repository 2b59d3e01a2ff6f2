"""The affine part of the layers that `DropConnect` takes, for any weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
# Their subclasses are not: one that overrides `call` would be computed wrongly.
KINDS = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    *DEPTHWISE,
)


def linear(layer: keras.layers.Layer, inputs: Any, kernel: Any) -> Any:
    """What the layer computes before bias and activation, had it this kernel."""
    if isinstance(layer, keras.layers.Dense):
        return ops.matmul(inputs, kernel)
    padding = layer.padding
    if padding == "causal":
        padding = "valid"
        before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        widths = [[0, 0], [0, 0], [0, 0]]
        widths[2 if channel_axis(layer) == 1 else 1][0] = before
        inputs = ops.pad(inputs, widths)
    convolve = ops.depthwise_conv if isinstance(layer, DEPTHWISE) else ops.conv
    return convolve(
        inputs,
        kernel,
        strides=layer.strides,
        padding=padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )


def channel_axis(layer: keras.layers.Layer) -> int:
    """The axis of inputs and outputs that the kernel mixes."""
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


def broadcast_shape(layer: keras.layers.Layer, rows: Any, like: Any) -> list[Any]:
    """One number for each of `rows` examples and each channel of `like`, all places alike."""
    shape = [rows, *[1] * (len(like.shape) - 1)]
    shape[channel_axis(layer)] = like.shape[channel_axis(layer)]
    return shape
