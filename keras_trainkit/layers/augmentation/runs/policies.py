"""Policies: several operations on each image, which ones it draws for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import (
    coordinates,
    curves,
    enhancements,
    resampling,
)
from keras_trainkit.layers.augmentation.algebra.chains import Chain
from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings

OPERATIONS = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Color",
    "Sharpness",
    "Brightness",
    "Contrast",
    "Invert",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
"""What a policy is made of, in Pillow's meaning; a step names one by its place here.

A step is a place and an amount: input pixels for each output pixel (ShearX, ShearY), pixels
(TranslateX, TranslateY), degrees (Rotate), a factor of which 1 changes nothing (Color, Sharpness,
Brightness, Contrast), bits (Posterize), the lowest level that is inverted (Solarize); the others
take none.
"""
_KINDS = (0, 1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4)
_FIRST_CURVE = OPERATIONS.index("Brightness")


class PolicyRun(Run):
    """Steps carried out one after the other on an image's levels, rounded after each.

    One program goes through the images; a step is a switch, so that an image pays only for its
    own operations. NaN becomes black.
    """

    label = "policy, image by image"
    clips = True

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        (self.operation,) = operations
        self._kernel = Compiled(self._images)
        self._masks = Compiled(self._masks_kernel)

    def accepts(self, operation: Any) -> bool:
        """Never: the order of operations is part of a policy."""
        return False

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        """The images after this run, in their dtype."""
        return resampling.cast_like(self._kernel(images, parameters), dtype)

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Moved by the steps that move pixels, all at once, nearest neighbour."""
        return self._masks(masks, parameters)

    def move_points(self, points: Any, size: Size, parameters: Parameters) -> Any:
        """Moved by the steps that move pixels."""
        moved = self._moves(size, parameters).unfollow(points[..., 0], points[..., 1])
        return tf.stack(moved, axis=-1)

    def _images(self, images: Any, parameters: Parameters) -> Any:
        steps = self._steps(resampling.image_size(images), parameters)
        return self._each(self._stepped, images, steps)

    def _masks_kernel(self, masks: Any, parameters: Parameters) -> Any:
        size = resampling.image_size(masks)
        moves = self._moves(size, parameters)
        return resampling.nearest(masks, moves, size, self.settings.fill_mode)

    def _steps(self, size: Size, parameters: Parameters) -> Any:
        """(n, ..., 2): the place and the amount of every step."""
        (drawn,) = parameters
        # place 0 is the identity
        return self.operation.choose(drawn, lambda d: self.operation.element(size, **d), 0.0)

    def _moves(self, size: Size, parameters: Parameters) -> Chain:
        """The maps of all steps."""
        chain = Chain()
        for each in tf.unstack(self._steps(size, parameters), axis=1):
            chain = chain.then(_map(size, tf.cast(each[:, 0], tf.int32), each[:, 1]))
        return chain

    def _each(self, change: Callable[..., Any], images: Any, steps: Any, *more: Any) -> Any:
        """`change(image, steps, ...)`, batches of one, of each image that has a step to take."""

        def image(image: Any, steps: Any, *more: Any) -> Any:
            return tf.cond(
                tf.reduce_any(steps[..., 0] > 0),
                lambda: resampling.cast_like(change(image[None], steps, *more)[0], images.dtype),
                lambda: image,  # to the bit, which its levels would not be
            )

        mapped = tf.map_fn(
            lambda each: image(*each), (images, steps, *more), fn_output_signature=images.dtype
        )
        # of no images at all the loop does not know the size
        return tf.reshape(mapped, tf.shape(images))

    def _stepped(self, image: Any, steps: Any) -> Any:
        after = self._chain(self._levels(image), steps)
        return after if curves.are_levels(image, self.settings.value_range) else self._values(after)

    def _levels(self, images: Any) -> Any:
        return tf.cast(curves.levels(images, self.settings.value_range), tf.uint8)

    def _values(self, levels: Any) -> Any:
        return curves.values(levels, self.settings.value_range)

    def _chain(self, levels: Any, steps: Any) -> Any:
        def step(index: Any, levels: Any) -> Any:
            # no `steps[index, 1:]`: XLA takes the slice from elsewhere
            place, amount = tf.split(tf.gather(steps, index), 2)
            return index + 1, self._step(levels, tf.cast(place, tf.int32), amount)

        # a loop, not a row of switches: one of them is compiled
        return tf.while_loop(lambda index, _: index < steps.shape[0], step, (0, levels))[1]

    def _step(self, levels: Any, place: Any, amount: Any) -> Any:
        branches = [
            lambda: levels,
            lambda: self._warp(levels, place, amount),
            lambda: enhancements.color(levels, amount),
            lambda: enhancements.sharpness(levels, amount),
            lambda: tf.cast(curves.apply(levels, _curve(levels, place, amount)), tf.uint8),
        ]
        after = tf.switch_case(tf.gather(tf.constant(_KINDS), place[0]), branches)
        return tf.ensure_shape(after, levels.shape)

    def _warp(self, levels: Any, place: Any, amount: Any) -> Any:
        size, settings = resampling.image_size(levels), self.settings
        low, high = settings.value_range
        warped = resampling.warp(
            levels,
            Chain().then(_map(size, place, amount)),
            size,
            settings.interpolation,
            supersample=False,
            fill_mode=settings.fill_mode,
            fill_value=(settings.fill_value - low) * (255.0 / (high - low)),
        )
        return resampling.cast_like(warped, tf.uint8)


def _is(place: Any, name: str) -> Any:
    return place == OPERATIONS.index(name)


def _map(size: Size, place: Any, amount: Any) -> Any:
    """(n, 2, 3) maps of the steps, the identity where they do not move pixels."""
    shear_x, shear_y, x, y, angle = (
        tf.where(_is(place, name), amount, 0.0)
        for name in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
    )
    zero = tf.zeros_like(amount)
    # no two of them at once, so they add up; Pillow shears about the corner, not the centre
    others = coordinates.build(zero, shear_y, y + shear_y / 2, shear_x, zero, x + shear_x / 2)
    return coordinates.rotation(size, angle / 360.0) + others


def _curve(levels: Any, place: Any, amount: Any) -> Any:
    """The curve of the step of a batch of one."""

    def mean() -> Any:
        return tf.reduce_mean(enhancements.grey(levels), axis=(1, 2, 3))

    branches = [
        lambda: curves.brightness(amount),
        lambda: curves.contrast(amount, mean()),
        lambda: curves.invert(1),
        lambda: curves.posterize(tf.cast(amount, tf.int32)),
        lambda: curves.solarize(amount, tf.zeros([1], tf.int32)),
        lambda: curves.autocontrast(curves.histograms(levels)),
        lambda: curves.equalize(curves.histograms(levels)),
    ]
    shape = [1, levels.shape[3], 256]
    wide = [lambda b=branch: tf.broadcast_to(b(), shape) for branch in branches]
    return tf.switch_case(place[0] - _FIRST_CURVE, wide)
