"""Images that are still encoded: read, decoded no further than geometry needs, then moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.base import Augmentation
from keras_trainkit.layers.augmentation.plan import Plan
from keras_trainkit.layers.augmentation.runs.geometry import GeometryRun

_AT_ONCE = 16  # images that share the cost of catching errors


class Encoded(Augmentation):
    """A pipeline of geometry for images that are still encoded; of a JPEG it decodes a part.

    It maps datasets of `(name, encoded, *others)` to those of `(uint8 image, *others, read)`.  What
    cannot be read or decoded either stops the run, with a sentence that names it, or gives a black
    image for which `read` is False.

    Args:
        pipeline: Geometry that is one pass, and gives images of one size.
        owner: The name that errors begin with.
        files: Whether `encoded` is the name of a file instead of its bytes.
        failures: The file that the names of what cannot be read are appended to; None to stop.

    Raises:
        ValueError: for another pipeline.
    """

    def __init__(
        self, pipeline: Augmentation, owner: str, files: bool, failures: str | None = None
    ) -> None:
        super().__init__(**vars(pipeline.settings))
        for training in (True, False):
            plan = pipeline.plan(training)
            geometry = [isinstance(each, GeometryRun) for each in plan.passes] == [True]
            if not geometry or None in plan.size_after((None, None)):
                refuse(owner, "crop", "be geometry, in one pass, that gives one size", str(plan))
        self._pipeline = pipeline
        self._owner = owner
        self._files = files
        self._failures = failures

    def operations(self) -> tuple[Any, ...]:
        """The pipeline's."""
        return self._pipeline.operations()

    def check(self, dataset: Any) -> Any:
        """The dataset of `(shape, read)`: every image decoded as a whole."""

        def shape(_: Any, encoded: Any, *others: Any) -> Any:
            return (tf.shape(_whole(self._bytes(encoded))),)

        return self._each(dataset, shape, tf.data.AUTOTUNE)

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

        # one that does not end as it should may be cut off, which decoding all of it finds out
        ends = tf.strings.substr(encoded, -2, 2) == b"\xff\xd9"
        image = tf.cond(tf.io.is_jpeg(encoded) & ends, of_jpeg, of_other)
        return (cast_like(image, tf.uint8), *others)

    def _each(self, dataset: Any, function: Callable[..., Any], parallel: int) -> Any:
        """`Dataset.map`, but for what fails."""

        def attempt(*chunk: Any) -> Any:
            # TensorFlow's functions cannot catch an error, but a dataset can: what is missing in
            # its result has failed
            tried = tf.data.Dataset.from_tensor_slices(chunk).enumerate()
            tried = tried.map(lambda place, element: (place, function(*element)))
            none = tf.nest.map_structure(
                lambda spec: tf.zeros([0, *spec.shape], spec.dtype), tried.element_spec
            )
            done = tried.ignore_errors().batch(_AT_ONCE)
            done = done.concatenate(tf.data.Dataset.from_tensors(none)).take(1)
            names, *_ = tf.nest.flatten(chunk)
            return done.map(lambda places, parts: self._marked(names, places, parts))

        plain = tf.autograph.experimental.do_not_convert(attempt)
        chunks = dataset.batch(_AT_ONCE)
        result = chunks.interleave(plain, parallel, num_parallel_calls=parallel).unbatch()
        count = dataset.cardinality()
        return result if count < 0 else result.apply(tf.data.experimental.assert_cardinality(count))

    def _marked(self, names: Any, places: Any, parts: Any) -> Any:
        """The parts, put to their places among zeros, and which they are; others are reported."""
        count = tf.shape(names, tf.int64)[0]
        read = tf.reduce_any(places[:, None] == tf.range(count), axis=0)

        def filled() -> Any:
            with tf.control_dependencies([self._report(tf.boolean_mask(names, ~read))]):
                index = tf.identity(places)[:, None]
            shapes = [tf.concat([[count], tf.shape(part, tf.int64)[1:]], 0) for part in parts]
            return tuple(
                tf.ensure_shape(tf.scatter_nd(index, part, shape), part.shape)
                for part, shape in zip(parts, shapes, strict=True)
            )

        return (*tf.cond(tf.reduce_all(read), lambda: tuple(parts), filled), read)

    def _report(self, names: Any) -> Any:
        """An operation that says that these cannot be read."""
        if self._failures is not None:
            lines = tf.strings.reduce_join(names, separator="\n")
            return tf.print(lines, output_stream=f"file://{self._failures}")
        begin = f"`{self._owner}`: cannot read the image "
        reason = ": it is missing, damaged or none of JPEG, PNG, GIF and BMP."
        return tf.debugging.Assert(False, [tf.strings.join([begin, names[0], reason])])


def _part(encoded: Any, window: Any) -> Any:
    """A window of a JPEG, as decoding all of it would give it but for its outermost pixels."""
    return tf.image.decode_and_crop_jpeg(encoded, window, 3, dct_method="INTEGER_ACCURATE")


def _whole(encoded: Any) -> Any:
    """(h, w, 3) uint8; of an animation the first frame."""
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, 3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, 3, expand_animations=False),
    )
    return tf.ensure_shape(image, [None, None, 3])
