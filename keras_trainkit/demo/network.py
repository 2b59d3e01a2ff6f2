"""The demo's network: small enough that two cores train it in half a minute."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from keras_trainkit.layers import StochasticDepth, linear_decay

WIDTHS = (16, 32, 64)  # one residual block each


def residual_network(
    input_shape: tuple[int, int, int], classes: int, last_survival_probability: float = 1.0
) -> keras.Model:
    """Three residual blocks of 16, 32 and 64 channels, each at half the size of the one before.

    Args:
        input_shape: `(height, width, channels)` of the images.
        classes: How many there are.
        last_survival_probability: Stochastic depth by the linear rule; 1 is without.

    Returns:
        A model from images, of mean 0 and deviation 1, to the probabilities of the classes.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2, with one
    block a stage where it has three or more, and the first convolution of stride 2.
    """
    images = x = keras.Input(input_shape)
    x = layers.ReLU()(_convolution(x, WIDTHS[0], kernel_size=3, stride=2))
    for block, width in enumerate(WIDTHS, start=1):
        survival = linear_decay(block, len(WIDTHS), last_survival_probability)
        x = _residual_block(x, width, survival)
    x = layers.GlobalAveragePooling2D()(x)
    # Probabilities stay float32 under a mixed-precision policy.
    return keras.Model(images, layers.Dense(classes, activation="softmax", dtype="float32")(x))


def _residual_block(x: Any, width: int, survival_probability: float) -> Any:
    stride = 1 if x.shape[-1] == width else 2
    shortcut = x if stride == 1 else _convolution(x, width, kernel_size=1, stride=stride)
    residual = layers.ReLU()(_convolution(x, width, kernel_size=3, stride=stride))
    residual = _convolution(residual, width, kernel_size=3)
    return layers.ReLU()(StochasticDepth(survival_probability)([shortcut, residual]))


def _convolution(x: Any, width: int, kernel_size: int, stride: int = 1) -> Any:
    """A convolution and its batch normalisation, which makes a bias superfluous."""
    x = layers.Conv2D(
        width,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.BatchNormalization()(x)
