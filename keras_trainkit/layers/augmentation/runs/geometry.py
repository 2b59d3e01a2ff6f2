"""Geometry: coordinate maps composed into one, and a single resampling by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import coordinates, resampling
from keras_trainkit.layers.augmentation.algebra.chains import Chain
from keras_trainkit.layers.augmentation.algebra.lenses import Lens
from keras_trainkit.layers.augmentation.algebra.windows import reach
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings

Lengths = tuple[int | None, int | None]
"""(height, width), None where it is not known before the images come."""

LATTICE, AXIS, AFFINE, PROJECTIVE, CURVED = range(5)
_SUPERSAMPLE_FROM = 1.5
_MARGIN = 2  # a decoder interpolates half-size colour channels from one pixel beyond


class GeometryRun(Run):
    """Coordinate maps composed into one, and a single resampling by it."""

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        self.level = max(op.level for op in operations)
        if self.level == AXIS and settings.interpolation == "nearest":
            self.level = AFFINE
        self._reaches_out = any(op.reaches_out for op in operations)
        self.label = self._how()
        if self._reaches_out:
            self.label += f", border {settings.fill_mode}"
        self._images = Compiled(self._images_kernel)
        self._masks = Compiled(self._masks_kernel)

    def accepts(self, operation: Any) -> bool:
        """Geometry joins geometry, but whole-pixel moves stay what they are one at a time."""
        if not super().accepts(operation):
            return False
        # a move beyond the border must meet the border of the image that it would meet alone
        lattice = self.level == LATTICE and operation.level == LATTICE
        return not (lattice and operation.reaches_out and any(op.windows for op in self.operations))

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        """The images after this run: lattice moves keep the dtype, the others give float32."""
        return self._images(images, parameters, dtype)

    def of_part(
        self, size: coordinates.Size, parameters: Parameters, part: Callable[[Any], Any]
    ) -> Any:
        """The result for one image of this size, (h, w, c), from no more of it than it shows.

        Args:
            size: Of the image, unknown when it is compiled.
            parameters: For one image.
            part: Gives the pixels (h, w, c) in a window: (4,) int32 top, left, height, width.
        """
        if self.level >= AFFINE or self._reaches_out:
            return self(part(tf.stack([0, 0, *size]))[None], parameters)[0]
        maps, result = self._chain(size, 1, parameters).map, self._output_size(size)
        window = reach(maps, result, size, _MARGIN)
        maps -= tf.pad(tf.cast(window[:2], tf.float32)[None, :, None], [[0, 0], [0, 0], [2, 0]])
        read = resampling.lattice if self.level == LATTICE else resampling.scaled
        s, image = self.settings, part(window)[None]
        return read(image, maps, result, s.fill_mode, s.fill_value)[0]

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Moved by the same maps, nearest neighbour; beyond the border of `"constant"` is 0."""
        return self._masks(masks, parameters)

    def move_points(self, points: Any, size: coordinates.Size, parameters: Parameters) -> Any:
        """Moved by the inverse maps."""
        chain = self._chain(size, tf.shape(points)[0], parameters)
        return tf.stack(chain.unfollow(points[..., 0], points[..., 1]), axis=-1)

    def _how(self) -> str:
        if self.level == LATTICE:
            return "one move of whole pixels"
        if self.level == AXIS:
            return "rows, then columns, by the triangle filter"
        several = " of 2x2 samples a pixel" if self._supersamples((None, None)) else ""
        return f"one {self.settings.interpolation} warp{several}"

    def _shrink(self, size: coordinates.Size) -> tuple[float, float]:
        """The largest factors by which the run shrinks images of this size."""
        total = 1.0, 1.0
        for op in self.operations:
            height, width = (length if isinstance(length, int) else None for length in size)
            # an image that the operation leaves alone keeps its size
            least = 1.0 if op.p < 1 or op.gates else 0.0
            factors = op.shrink((height, width))
            total = total[0] * max(factors[0], least), total[1] * max(factors[1], least)
            size = op.output_size(size)
        return total

    def _supersamples(self, size: coordinates.Size) -> bool:
        bilinear = self.settings.interpolation == "bilinear"
        return bilinear and max(self._shrink(size)) >= _SUPERSAMPLE_FROM

    def _output_size(self, size: coordinates.Size) -> coordinates.Size:
        for op in self.operations:
            size = op.output_size(size)
        return size

    def _chain(self, size: coordinates.Size, rows: Any, parameters: Parameters) -> Chain:
        chain = Chain()
        for op, drawn in zip(self.operations, parameters, strict=True):
            element = op.choose(
                drawn, lambda d, o=op, s=size: o.element(s, **d), op.rest(size, rows)
            )
            chain = chain.then(Lens(size, element) if op.level == CURVED else element)
            size = op.output_size(size)
        return chain

    def _chain_for(self, images: Any, parameters: Parameters) -> tuple[Chain, coordinates.Size]:
        """The chain for these images, and the size of the result."""
        size = resampling.image_size(images)
        return self._chain(size, tf.shape(images)[0], parameters), self._output_size(size)

    def _images_kernel(self, images: Any, parameters: Parameters, dtype: Any) -> Any:
        s, (chain, size) = self.settings, self._chain_for(images, parameters)
        border = s.fill_mode, s.fill_value
        if self.level == LATTICE:
            moved = self._whole_pixels(images, chain.map, size, s.fill_value)
        elif self.level > AXIS:
            supersample = self._supersamples(resampling.image_size(images))
            moved = resampling.warp(images, chain, size, s.interpolation, supersample, *border)
        elif None in images.shape[1:3]:
            moved = resampling.scaled(images, chain.map, size, *border)
        else:
            shrink = self._shrink(resampling.image_size(images))
            moved = resampling.resize(images, chain.map, size, shrink, *border)
        return resampling.cast_like(moved, dtype)

    def _masks_kernel(self, masks: Any, parameters: Parameters) -> Any:
        s, (chain, size) = self.settings, self._chain_for(masks, parameters)
        if self.level == LATTICE:
            return self._whole_pixels(masks, chain.map, size, 0.0)
        return resampling.nearest(masks, chain, size, s.fill_mode)

    def _whole_pixels(self, images: Any, maps: Any, size: coordinates.Size, fill: float) -> Any:
        if self._reaches_out:
            return resampling.lattice(images, maps, size, self.settings.fill_mode, fill)
        return resampling.window(images, maps, size, not any(op.windows for op in self.operations))
