"""The fixed views of test time: several scales, several windows of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation import structures
from keras_trainkit.layers.augmentation.algebra import coordinates, resampling

_CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
_CENTRE = ((0.5, 0.5),)


@register
class MultiCrop(keras.layers.Layer):
    """Cuts the same windows out of every image, at several scales: views to predict from.

    Takes uint8 or floating images (n, h, w, c), gives their views in the same dtype, (n, views,
    size, size, c), and of a single image (views, size, size, c); of `(x, y)`, `(x, y,
    sample_weight)` and dictionaries with the key `"images"` it changes the images alone.  There
    is no chance in it.  For each short side in turn come the windows at the top left, top right,
    bottom left, bottom right and in the centre, then their mirror images.  A view is one
    anti-aliased resampling of its window, as in `Resizing`.

    Args:
        size: Of the views, in pixels. Default 224.
        short_sides: The lengths to which the images' short side is brought, in pixels, none
            below `size`. Default (224, 256, 384, 480, 640).
        crops: Views of each scale: 10; 5, without mirror images; 2, the centre and its mirror
            image; or 1, the centre. Default 10.
        **kwargs: `name` and the like, for `keras.layers.Layer`.

    Raises:
        ValueError: for a size below 1, short sides below the size, or another number of crops.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> multi_crop = layers.MultiCrop(32, short_sides=(32, 48))
    >>> images = np.zeros((2, 40, 60, 3), "uint8")
    >>> multi_crop(images).shape
    TensorShape([2, 20, 32, 32, 3])

    One view at a time, which needs the memory of one:

    >>> [view.shape for view in multi_crop.each(images)][-1]
    TensorShape([2, 32, 32, 3])

    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
    networks", section 4.1 (ten crops); He et al. 2016, "Deep residual learning for image
    recognition", section 3.4 (the scales).
    """

    def __init__(
        self,
        size: int = 224,
        short_sides: Sequence[int] = (224, 256, 384, 480, 640),
        crops: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.size = arguments.integer(self, "size", size, 1)
        sides = arguments.numbers_of(self, "short_sides", short_sides)
        self.short_sides = tuple(
            arguments.integer(self, "short_sides", side, self.size) for side in sides
        )
        if not sides:
            refuse(self, "short_sides", "hold at least one length", short_sides)
        self.crops = arguments.integer(self, "crops", crops, 1)
        if self.crops not in (1, 2, 5, 10):
            refuse(self, "crops", "be 1, 2, 5 or 10", crops)
        self._windows = _CENTRE if self.crops < 5 else _CORNERS + _CENTRE
        self._kernel = Compiled(self._cut)

    @property
    def views(self) -> int:
        """How many views there are of an image."""
        return len(self.short_sides) * self.crops

    def view(self, images: Any, index: int) -> Any:
        """The view `index` of images alone: (n, size, size, c), or (size, size, c) of one.

        Raises:
            ValueError: for an index outside [0, views).
        """
        if arguments.integer(self, "index", index, 0) >= self.views:
            refuse(self, "index", f"be below {self.views}, the number of views", index)
        sample = structures.unpack(self, images)
        scale, crop = divmod(index, self.crops)
        mirrored, window = divmod(crop, len(self._windows))
        cut = self._view(sample.images, scale, window)
        cut = tf.reverse(cut, [2]) if mirrored else cut
        return structures.pack(replace(sample, images=cut))

    def each(self, images: Any) -> Iterator[Any]:
        """The views of images alone, one after the other."""
        return (self.view(images, index) for index in range(self.views))

    def __call__(self, inputs: Any, *rest: Any) -> Any:
        """All views, of `inputs` or of `(inputs, *rest)` as `Dataset.map` hands a tuple over."""
        data = (inputs, *rest) if rest else inputs
        if keras.backend.backend() == "tensorflow":
            return super().__call__(data)
        structures.refuse_symbolic(self, data, False, "Use it as `dataset.map(layer)`.")
        return self.call(data)

    def call(self, inputs: Any) -> Any:
        """All views."""
        sample = structures.unpack(self, inputs)
        scales = []
        for scale in range(len(self.short_sides)):
            cuts = [self._view(sample.images, scale, i) for i, _ in enumerate(self._windows)]
            scales.append(tf.stack(cuts, axis=1))
            if self.crops > len(cuts):
                scales.append(tf.reverse(scales[-1], [3]))
        return structures.pack(replace(sample, images=tf.concat(scales, axis=1)))

    def _view(self, images: Any, scale: int, window: int) -> Any:
        if isinstance(images, tf.RaggedTensor):
            cure = "Map the layer before `batch`."
            refuse(self, "inputs", "be dense images", "a RaggedTensor", cure)
        # numbers as tensors, so that all views share one kernel
        numbers = (self.short_sides[scale], *self._windows[window])
        return self._kernel(images, *(tf.constant(each, tf.float32) for each in numbers))

    def _cut(self, images: Any, short_side: Any, top: Any, left: Any) -> Any:
        size, result = resampling.image_size(images), (self.size, self.size)
        lengths = [tf.cast(length, tf.float32) for length in size]
        extent = tf.minimum(*lengths) / short_side * self.size
        edges = (
            share * (length - extent) for share, length in zip((top, left), lengths, strict=True)
        )
        rows = tf.shape(images)[0]
        numbers = (tf.fill([rows], each) for each in (*edges, extent, extent))
        maps = coordinates.window(result, *numbers)
        if None in images.shape[1:3]:
            cut = resampling.scaled(images, maps, result, "nearest", 0.0)
        else:
            shrink = min(size) / min(self.short_sides)
            cut = resampling.resize(images, maps, result, (shrink, shrink), "nearest", 0.0)
        return resampling.cast_like(cut, images.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., views, size, size, channels), for the shape of images alone."""
        *front, _, _, channels = input_shape
        return (*front, self.views, self.size, self.size, channels)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The spec of the result for images alone, dtype included."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype)

    def build(self, *_: Any) -> None:
        """Nothing to build: the layer has no weights."""
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MultiCrop:
        """The layer of a config."""
        return cls(**revive(config))
