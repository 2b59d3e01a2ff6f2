"""Geometry: coordinate maps composed into one, and a single resampling by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import coordinates, resampling
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings

LATTICE, AXIS, AFFINE = range(3)
_SUPERSAMPLE_FROM = 1.5


class GeometryRun(Run):
    """Coordinate maps composed into one, and a single resampling by it."""

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        self.level = max(op.level for op in operations)
        if self.level == AXIS and settings.interpolation == "nearest":
            self.level = AFFINE
        self.shrink = [1.0, 1.0]
        for op in operations:
            # an image that the operation leaves alone keeps its size
            least = 1.0 if op.p < 1 else 0.0
            self.shrink = [a * max(b, least) for a, b in zip(self.shrink, op.shrink, strict=True)]
        self.label = f"{self._how()}, border {settings.fill_mode}"
        self._lattice = Compiled(self._lattice_kernel)
        self._rows = Compiled(self._rows_kernel)
        self._columns = Compiled(self._columns_kernel)
        self._warp = Compiled(self._warp_kernel)

    def accepts(self, operation: Any) -> bool:
        """Geometry joins geometry, but whole-pixel moves stay what they are one at a time."""
        if not super().accepts(operation):
            return False
        # a move beyond the border must meet the border of the image that it would meet alone
        lattice = self.level == LATTICE and operation.level == LATTICE
        return not (lattice and operation.reaches_out and any(op.windows for op in self.operations))

    def __call__(self, images: Any, parameters: Parameters) -> Any:
        """The images after this run: lattice moves keep the dtype, the others give float32."""
        if self.level == LATTICE:
            return self._lattice(images, parameters)
        if self.level == AXIS:
            partial, maps = self._rows(images, parameters)
            return self._columns(partial, maps, tf.zeros(self._output_size(images)))
        return self._warp(images, parameters)

    def _how(self) -> str:
        if self.level == LATTICE:
            return "one gather of whole pixels"
        if self.level == AXIS:
            return "rows, then columns, by the triangle filter"
        several = " of 2x2 samples a pixel" if self._supersamples else ""
        return f"one {self.settings.interpolation} warp{several}"

    @property
    def _supersamples(self) -> bool:
        bilinear = self.settings.interpolation == "bilinear"
        return bilinear and max(self.shrink) >= _SUPERSAMPLE_FROM

    def _output_size(self, images: Any) -> coordinates.Size:
        size = resampling.image_size(images)
        for op in self.operations:
            size = op.output_size(size)
        return size

    def _maps(self, images: Any, parameters: Parameters) -> Any:
        size, rows = resampling.image_size(images), tf.shape(images)[0]
        maps = None
        for op, drawn in zip(self.operations, parameters, strict=True):
            chosen = op.choose(
                drawn, lambda d, o=op, s=size: o.element(s, **d), op.rest(size, rows)
            )
            maps = chosen if maps is None else coordinates.compose(maps, chosen)
            size = op.output_size(size)
        return maps

    def _lattice_kernel(self, images: Any, parameters: Parameters) -> Any:
        s, maps = self.settings, self._maps(images, parameters)
        return resampling.lattice(
            images, maps, self._output_size(images), s.fill_mode, s.fill_value
        )

    def _rows_kernel(self, images: Any, parameters: Parameters) -> Any:
        s, maps = self.settings, self._maps(images, parameters)
        size = self._output_size(images)
        return (
            resampling.rows(images, maps, size, self.shrink[0], s.fill_mode, s.fill_value),
            maps,
        )

    def _columns_kernel(self, images: Any, maps: Any, canvas: Any) -> Any:
        s = self.settings
        size = resampling.image_size(canvas[None, :, :, None])
        return resampling.columns(images, maps, size, self.shrink[1], s.fill_mode, s.fill_value)

    def _warp_kernel(self, images: Any, parameters: Parameters) -> Any:
        s, maps = self.settings, self._maps(images, parameters)
        size = self._output_size(images)
        return resampling.warp(
            images, maps, size, s.interpolation, self._supersamples, s.fill_mode, s.fill_value
        )
