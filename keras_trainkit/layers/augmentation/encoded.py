"""Images that are still encoded: read, decoded no further than geometry needs, then moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.base import Augmentation
from keras_trainkit.layers.augmentation.plan import Plan


class Encoded(Augmentation):
    """A pipeline of geometry for images that are still encoded; of a JPEG it decodes a part.

    It maps datasets of `(name, encoded, *others)` to those of `(uint8 image, *others)`.  What
    cannot be read or decoded either stops the run, with a sentence that names it, or is left out.

    Args:
        pipeline: Geometry that ends in one run, and gives RGB images.
        owner: The name that errors begin with.
        files: Whether `encoded` is the name of a file instead of its bytes.
        skipped: The file that the names of images left out are appended to; None for an error.
    """

    def __init__(
        self, pipeline: Augmentation, owner: str, files: bool, skipped: str | None = None
    ) -> None:
        super().__init__(**vars(pipeline.settings))
        self._pipeline = pipeline
        self._owner = owner
        self._files = files
        self._skipped = skipped

    def operations(self) -> tuple[Any, ...]:
        """The pipeline's."""
        return self._pipeline.operations()

    def readable(self, dataset: Any) -> Any:
        """The elements' names; what cannot be decoded whole is left out, or an error."""

        def name(name: Any, encoded: Any, *_: Any) -> Any:
            with tf.control_dependencies([_whole(self._bytes(encoded))]):
                return tf.identity(name)

        return self._each(dataset, name, tf.data.AUTOTUNE)

    def _bytes(self, encoded: Any) -> Any:
        return tf.io.read_file(encoded) if self._files else encoded

    def _augment(self, plan: Plan, inputs: Any, key: Any = None) -> Any:
        _, encoded, *others = inputs
        encoded = self._bytes(encoded)
        drawn: Any = [{} for _ in plan.operations]
        if key is not None:
            drawn = plan.draw(key, tf.range(1))
        (run,) = plan.passes

        def of_jpeg() -> Any:
            height, width, _ = tf.unstack(tf.io.extract_jpeg_shape(encoded), num=3)
            return run.of_part((height, width), drawn, lambda window: _part(encoded, window))

        def of_other() -> Any:
            return run(_whole(encoded)[None], drawn)[0]

        image = tf.cond(tf.io.is_jpeg(encoded), of_jpeg, of_other)
        return (cast_like(image, tf.uint8), *others)

    def _each(self, dataset: Any, function: Callable[..., Any], parallel: int) -> Any:
        """`Dataset.map`, but that what fails is reported by name."""

        def attempt(*element: Any) -> Any:
            one = tf.data.Dataset.from_tensors(element).map(function)
            name = tf.nest.flatten(element)[0]
            spec = one.element_spec
            nothing = (
                tf.data.Dataset.from_tensors(name)
                .filter(self._report)
                .map(lambda _: tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), spec))
            )
            return one.ignore_errors().concatenate(nothing).take(1)

        return dataset.interleave(attempt, tf.data.AUTOTUNE, num_parallel_calls=parallel)

    def _report(self, name: Any) -> Any:
        """False, after saying that `name` cannot be read."""
        if self._skipped is None:
            sentence = tf.strings.join(
                [
                    f"`{self._owner}`: cannot read the image ",
                    name,
                    ": it is missing, damaged or none of JPEG, PNG, GIF and BMP.",
                ]
            )
            said = tf.debugging.Assert(False, [sentence])
        else:
            said = tf.print(name, output_stream=f"file://{self._skipped}")
        with tf.control_dependencies([said]):
            return tf.constant(False)


def _part(encoded: Any, window: Any) -> Any:
    """A window of a JPEG, as decoding all of it would give it but for its outermost pixels."""
    return tf.image.decode_and_crop_jpeg(encoded, window, 3, dct_method="INTEGER_ACCURATE")


def _whole(encoded: Any) -> Any:
    """(h, w, 3) uint8; of an animation the first frame."""
    image = tf.io.decode_image(encoded, 3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])
