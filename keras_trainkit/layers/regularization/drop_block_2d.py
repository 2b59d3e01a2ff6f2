"""DropBlock: whole blocks of a feature map are dropped while training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config
from keras_trainkit._core.registration import register


@register
class DropBlock2D(keras.layers.Layer):
    """Drops square blocks of a feature map while training, where dropout drops single values.

    Neighbours in a feature map say much the same, so what dropout removes the network reads
    next to it. Each place where a block fits wholly inside the map starts one with probability

        gamma = rate / (block_size^2) * size^2 / (size - block_size + 1)^2

    and what is left is multiplied by the number of values over the number kept, both counted
    over the whole batch, so that the mean stays. Testing gives the inputs.

    Blocks that meet are counted twice in this formula of the paper, so that somewhat less than
    `rate` is dropped: 0.093 of 0.1 and 0.21 of 0.25 for blocks of 7 in maps of 14.

    Args:
        rate: The share of values to drop, at least 0 and below 1; 0.05 to 0.25 are usual.
        block_size: The side of a block in pixels, or (height, width); even ones too. At most the
            size of the map.
        per: `"channel"` draws blocks for each channel on its own, which the paper found to work
            better; `"image"` drops the same blocks of all channels.
        seed: An integer makes the draws reproducible.
        data_format: `"channels_last"` or `"channels_first"`; Keras' setting by default.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: A floating tensor `(batch, height, width, channels)`, or
            `(batch, channels, height, width)`.
        training: Whether to draw.

    Returns:
        A tensor of that shape, in the layer's compute dtype.

    Raises:
        ValueError: If an argument breaks its rule, or the inputs are not four-dimensional or
            smaller than a block.

    Example:

    >>> import numpy as np
    >>> maps = np.ones((1, 5, 5, 1), "float32")
    >>> dropped = DropBlock2D(rate=0.3, block_size=2, seed=3)(maps, training=True)
    >>> print(np.round(dropped[0, ..., 0], 2))
    [[1.19 1.19 1.19 1.19 1.19]
     [1.19 1.19 1.19 0.   0.  ]
     [1.19 1.19 1.19 0.   0.  ]
     [1.19 1.19 1.19 1.19 1.19]
     [1.19 1.19 1.19 1.19 1.19]]

    Source: Ghiasi et al. 2018, "DropBlock: A regularization method for convolutional networks",
    algorithm 1 and equation 1. The paper raises the rate slowly from 0 while training; this
    layer holds it.
    """

    def __init__(
        self,
        rate: float,
        block_size: int | tuple[int, int],
        per: str = "channel",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.number(self, "rate", rate, minimum=0, below=1)
        self.block_size = arguments.size(self, "block_size", block_size)
        self.per = arguments.one_of(self, "per", per, ("channel", "image"))
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.data_format = arguments.one_of(
            self,
            "data_format",
            keras.config.image_data_format() if data_format is None else data_format,
            ("channels_last", "channels_first"),
        )
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    def _blocks(self) -> list[tuple[int, int]]:
        """The two axes of the map, each with the side of a block."""
        size = self.block_size
        pair = size if isinstance(size, tuple) else (size, size)
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        return list(zip(axes, pair, strict=True))

    def build(self, input_shape: Any) -> None:
        """Refuses anything but a batch of maps of at least the size of a block."""
        self._refuse_unless_blocks_fit(tuple(input_shape))
        self.built = True

    def _refuse_unless_blocks_fit(self, shape: tuple[int | None, ...]) -> None:
        if len(shape) != 4:
            arguments.refuse(self, "inputs", "be a batch of maps, with four dimensions", shape)
        for axis, side in self._blocks():
            size = shape[axis]
            if size is not None and size < side:
                rule = f"be at most the size of the map, which is {size} there"
                arguments.refuse(self, "block_size", rule, self.block_size)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The inputs, in training without the blocks drawn."""
        if not training or self.rate == 0:
            return inputs
        self._refuse_unless_blocks_fit(tuple(inputs.shape))
        kept = self._kept(inputs)
        share = ops.mean(ops.cast(kept, "float32"))
        scale = 1 / ops.maximum(share, 1e-12)  # where all is dropped, all is zero
        return ops.where(kept, inputs * ops.cast(scale, inputs.dtype), 0)

    def _kept(self, inputs: Any) -> Any:
        """Which values stay, shaped to broadcast over the inputs."""
        shape = list(ops.shape(inputs))
        if self.per == "image":
            shape[3 if self.data_format == "channels_last" else 1] = 1
        gamma = self.rate
        for axis, side in self._blocks():
            starts = shape[axis] - side + 1
            gamma = gamma * shape[axis] / (side * starts)
            shape[axis] = starts
        # Drawn in float32: half precision has too few numbers for a probability.
        drawn = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        dropped = drawn < ops.cast(gamma, "float32")
        for axis, side in self._blocks():
            dropped = _extend(dropped, side, axis)
        return ops.logical_not(dropped)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}


def _extend(dropped: Any, side: int, axis: int) -> Any:
    """Each dropped element drops the `side` - 1 that follow; the axis grows by as many."""
    margin = [(0, 0)] * 4
    margin[axis] = (side - 1, side - 1)
    dropped = ops.pad(dropped, margin, constant_values=False)
    width = 1  # of a run, which doubles up to `side`
    while width < side:
        step = min(width, side - width)
        before, behind = [slice(None)] * 4, [slice(None)] * 4
        before[axis], behind[axis] = slice(None, -step), slice(step, None)
        dropped = ops.logical_or(dropped[tuple(before)], dropped[tuple(behind)])
        width += step
    return dropped
