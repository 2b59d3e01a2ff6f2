"""Fractional max pooling: the size shrinks by less than two, in regions drawn at random."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.config import own_config
from keras_trainkit._core.registration import register
from keras_trainkit.layers.regularization import _fractional_regions as regions
from keras_trainkit.layers.regularization._fractional_max import fractional_max


@register
class FractionalMaxPooling2D(keras.layers.Layer):
    """Max pooling that shrinks images by a ratio between 1 and 2, in regions drawn at random.

    Each axis of n pixels is divided into floor(n / ratio) regions, one or two pixels wide, and
    a pixel of the result is the maximum over a region of rows and a region of columns. The
    regions are drawn anew in each call, and are the same for all images and channels.

    | `pseudo_random` | where the regions start                                              |
    | --------------- | -------------------------------------------------------------------- |
    | `False`         | their widths are a random permutation of the right number of 1 and 2 |
    | `True`          | ceil(alpha (i + u)), alpha = n / number of regions: evenly spread; u drawn |

    At test time the regions are the pseudo-random ones of u = 1/2, so that one image has one
    prediction; or drawn, for predictions that are averaged over several draws.

    No region is wider than two pixels, so there are at least n / 2 of them; there the operation
    of TensorFlow makes regions of three, for a large ratio and a small odd n. For the same
    regions the values and gradients are that operation's, but XLA compiles this layer. Of equal
    largest pixels one gets the gradient.

    Args:
        pooling_ratio: By how much the size shrinks, above 1 and below 2: a number, or the pair
            (height, width). The paper's networks use the square root and the cube root of 2.
        pseudo_random: Which regions, the table above.
        overlapping: Whether each region also has the first row and column of the next, so that
            it is two or three pixels wide. The last one has no next.
        draw_at_test: Whether regions are drawn at test time too.
        seed: An integer makes the draws reproducible.
        data_format: `"channels_last"` or `"channels_first"`; Keras' setting by default.
        **kwargs: Those of `keras.layers.Layer`.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or `(batch, channels, height, width)`,
            floating or whole numbers. A height or width unknown while a model is built is taken
            from the images.
        training: Whether to draw.

    Returns:
        The pooled images, in the dtype of the inputs.

    Raises:
        ValueError: If an argument breaks its rule, or the inputs are not four-dimensional.

    Example:

    >>> import numpy as np
    >>> pool = FractionalMaxPooling2D(pooling_ratio=2**0.5, pseudo_random=True, seed=3)
    >>> images = np.arange(25, dtype="float32").reshape(1, 5, 5, 1)
    >>> print(np.array(pool(images)[0, ..., 0]))
    [[ 6.  8.  9.]
     [16. 18. 19.]
     [21. 23. 24.]]
    >>> pool(np.ones((2, 32, 48, 3)), training=True).shape[1:3] == (22, 33)
    True

    Source: Graham 2014, "Fractional Max-Pooling", sections 2 and 3. The paper's sequences end at
    the last pixel, which disjoint regions would then never see; here they end behind it.
    """

    def __init__(
        self,
        pooling_ratio: float | tuple[float, float],
        pseudo_random: bool = False,
        overlapping: bool = False,
        draw_at_test: bool = False,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pooling_ratio = self._checked(pooling_ratio)
        self.pseudo_random = arguments.boolean(self, "pseudo_random", pseudo_random)
        self.overlapping = arguments.boolean(self, "overlapping", overlapping)
        self.draw_at_test = arguments.boolean(self, "draw_at_test", draw_at_test)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self.data_format = arguments.one_of(
            self,
            "data_format",
            keras.config.image_data_format() if data_format is None else data_format,
            ("channels_last", "channels_first"),
        )
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def _checked(self, ratio: Any) -> float | tuple[float, float]:
        if isinstance(ratio, list | tuple):
            if len(ratio) != 2:
                arguments.refuse(self, "pooling_ratio", "be a number or (height, width)", ratio)
            height, width = (self._checked_number(side) for side in ratio)
            return height, width
        return self._checked_number(ratio)

    def _checked_number(self, ratio: Any) -> float:
        cure = "By a whole number pools `keras.layers.MaxPooling2D`."
        return arguments.number(self, "pooling_ratio", ratio, above=1, below=2, cure=cure)

    def _ratios(self) -> list[tuple[int, float]]:
        """The two axes of the image, each with its ratio."""
        ratio = self.pooling_ratio
        pair = ratio if isinstance(ratio, tuple) else (ratio, ratio)
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        return list(zip(axes, pair, strict=True))

    def build(self, input_shape: Any) -> None:
        """Refuses anything but a batch of images."""
        if len(input_shape) != 4:
            rule = "be a batch of images, with four dimensions"
            arguments.refuse(self, "inputs", rule, tuple(input_shape))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The rows pooled, then the columns."""
        for axis, ratio in self._ratios():
            boundaries = self._boundaries(
                ops.shape(inputs)[axis], ratio, drawn=bool(training or self.draw_at_test)
            )
            inputs = fractional_max(inputs, boundaries, axis, self.overlapping)
        return inputs

    def _boundaries(self, length: Any, ratio: float, drawn: bool) -> Any:
        count = regions.count_regions(length, ratio)
        if drawn and not self.pseudo_random:
            return regions.random_boundaries(length, count, self.seed_generator)
        phase = (
            regions.drawn_phase(count, self.seed_generator)
            if drawn
            else regions.middle_phase(length)
        )
        return regions.pseudo_random_boundaries(length, count, phase)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of the pooled images."""
        shape = list(input_shape)
        for axis, ratio in self._ratios():
            if shape[axis] is not None:
                shape[axis] = regions.count_regions(shape[axis], ratio)
        return tuple(shape)

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        """That shape, in the dtype of the inputs."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}
