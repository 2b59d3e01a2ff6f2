"""Runs: neighbouring operations of one kind, carried out together.

An operation names the run that it belongs to in its class attribute `run`, and joins its
neighbour's where `accepts` says so.  Parameters reach a run as one dictionary for each of its
operations, empty where chance is off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import boxes, coordinates, matrices, resampling
from keras_trainkit.layers.augmentation.settings import Settings

Parameters = Sequence[dict[str, Any]]

LATTICE, AXIS, AFFINE = range(3)
_SUPERSAMPLE_FROM = 1.5


class Run:
    """Neighbouring operations that are carried out as one.

    Args:
        operations: The operations, in order.
        settings: The pipeline's.
    """

    label: str
    """What the run does, in a few words."""

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        self.operations = tuple(operations)
        self.settings = settings

    def accepts(self, operation: Any) -> bool:
        """Whether `operation`, the next one, may join this run."""
        return operation.run is type(self)

    def __str__(self) -> str:
        return f"{self.label}: {', '.join(op.title for op in self.operations)}"


class PointwiseRun(Run):
    """A run in which a pixel of the result depends on one pixel: neighbours share a kernel."""

    pixels: Callable[[Any, Parameters], Any]
    """The images after this run, from the images and the parameters, inside the kernel."""


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


class ColorRun(PointwiseRun):
    """Colour maps composed into one matrix an image, applied and clipped once."""

    label = "colour matrix"

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """float32 images with their colours mapped, inside `value_range`."""
        images = tf.cast(images, tf.float32)
        rows = tf.shape(images)[0]
        channels = 1 if images.shape[3] == 1 else 3
        colors, alpha = images[..., :channels], images[..., channels:]
        mean = matrices.mean(colors)
        total = matrices.identity(rows, channels)
        for op, drawn in zip(self.operations, parameters, strict=True):
            matrix = op.choose(
                drawn,
                lambda d, o=op, m=mean: o.element(m, self.settings.unit, **d),
                matrices.identity(rows, channels),
            )
            mean = matrices.transform(matrix, mean)
            total = matrices.compose(total, matrix)
        low, high = self.settings.value_range
        colors = tf.clip_by_value(matrices.apply(colors, total), low, high)
        return tf.concat([colors, alpha], axis=3) if alpha.shape[3] else colors


class MaskRun(PointwiseRun):
    """Boxes filled with a colour."""

    label = "mask"

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """The images, in their dtype, with the boxes filled."""
        size, rows = resampling.image_size(images), tf.shape(images)[0]
        for op, drawn in zip(self.operations, parameters, strict=True):
            box = op.choose(drawn, lambda d, o=op: o.element(size, **d), boxes.empty(rows))
            fill = resampling.cast_like(tf.constant(op.fill), images.dtype)
            images = tf.where(boxes.inside(box, size), fill, images)
        return images


class NormalizationRun(PointwiseRun):
    """Channels brought to mean 0 and deviation 1, in float32."""

    label = "normalisation"

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """float32 images, normalised."""
        for op in self.operations:
            mean, scale = op.constants(images.shape[3])
            images = (tf.cast(images, tf.float32) - mean) * scale
        return images


class MixRun(Run):
    """Each image mixed with a partner from its batch, and its labels with the partner's."""

    label = "mix"

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        (self.operation,) = operations
        self._kernel = Compiled(self._mix)

    def accepts(self, operation: Any) -> bool:
        """Never: a pipeline mixes once."""
        return False

    def __call__(self, images: Any, parameters: Parameters) -> tuple[Any, Any, Any]:
        """The mixed images, each one's partner (n,), and its own share of the labels (n,)."""
        return self._kernel(images, parameters)

    def _mix(self, images: Any, parameters: Parameters) -> tuple[Any, Any, Any]:
        (drawn,) = parameters
        rows = tf.range(tf.shape(images)[0])
        # an image that is left alone is its own partner, which changes nothing, exactly
        drawn = {**drawn, "partner": tf.where(drawn["applied"], drawn["partner"], rows)}
        del drawn["applied"]
        mixed, share = self.operation.apply(images, **drawn)
        return mixed, drawn["partner"], share


class OpaqueRun(Run):
    """Another library's layer, called as it is on the images."""

    label = "opaque"

    def accepts(self, operation: Any) -> bool:
        """Never: nothing is known of it."""
        return False

    def __call__(self, images: Any, training: bool) -> Any:
        """The images after the layer."""
        return self.operations[0](images, training=training)
