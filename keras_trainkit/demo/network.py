"""The demo's network: small enough that two cores train it in half a minute."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from keras_trainkit.layers import SkippableBlock, StochasticDepth, linear_decay

WIDTHS = (16, 32, 64)


def residual_network(
    input_shape: tuple[int, int, int],
    classes: int,
    last_survival_probability: float = 1.0,
    blocks_per_width: int = 1,
    skip: bool = False,
    momentum: float = 0.99,
) -> keras.Model:
    """Residual blocks of 16, then 32, then 64 channels, at half the size for twice the channels.

    Args:
        input_shape: `(height, width, channels)` of the images.
        classes: How many there are.
        last_survival_probability: Stochastic depth by the linear rule; 1 is without.
        blocks_per_width: 1, or for deeper networks more: 18 make 54 blocks.
        skip: Whether a block is dropped for a whole batch, and then not run (`SkippableBlock`);
            otherwise it is dropped image by image, and always run.
        momentum: Of the moving statistics of batch normalisation. They lag behind for the first
            1 / (1 - momentum) steps several times over: 0.9 for trials of some hundred steps.

    Returns:
        A model from images, of mean 0 and deviation 1, to the probabilities of the classes.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2, with one
    block a width where it has three or more, and the first convolution of stride 2.
    """
    images = x = keras.Input(input_shape)
    for layer in (*_convolution(WIDTHS[0], 3, 2, momentum), layers.ReLU()):
        x = layer(x)
    widths = [width for width in WIDTHS for _ in range(blocks_per_width)]
    for block, width in enumerate(widths, start=1):
        survival = linear_decay(block, len(widths), last_survival_probability)
        x = _residual_block(x, width, survival, skip, momentum)
    x = layers.GlobalAveragePooling2D()(x)
    # Probabilities stay float32 under a mixed-precision policy.
    return keras.Model(images, layers.Dense(classes, activation="softmax", dtype="float32")(x))


def _residual_block(x: Any, width: int, survival: float, skip: bool, momentum: float) -> Any:
    stride = 1 if x.shape[-1] == width else 2
    shortcut = None if stride == 1 else keras.Sequential(_convolution(width, 1, stride, momentum))
    first, second = (_convolution(width, 3, each, momentum) for each in (stride, 1))
    residual = keras.Sequential([*first, layers.ReLU(), *second])
    if skip:
        added = SkippableBlock(residual, survival, shortcut)(x)
    else:
        added = StochasticDepth(survival)([shortcut(x) if shortcut else x, residual(x)])
    return layers.ReLU()(added)


def _convolution(
    width: int, kernel_size: int, stride: int, momentum: float
) -> list[keras.layers.Layer]:
    """A convolution and its batch normalisation, which makes a bias superfluous."""
    convolution = layers.Conv2D(
        width,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )
    return [convolution, layers.BatchNormalization(momentum=momentum)]
