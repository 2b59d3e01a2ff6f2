"""The plan of a pipeline: which operations share a pass, printed or carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.draws import Draw, integers, names_of
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.checks import check, check_rows
from keras_trainkit.layers.augmentation.contents import Contents
from keras_trainkit.layers.augmentation.gates import draw_all, paths_of
from keras_trainkit.layers.augmentation.runs.base import Parameters, PointwiseRun, Run
from keras_trainkit.layers.augmentation.runs.mixes import MixRun
from keras_trainkit.layers.augmentation.runs.opaque import OpaqueRun
from keras_trainkit.layers.augmentation.runs.settings import Settings
from keras_trainkit.layers.augmentation.structures import Sample, as_tensor


class Plan:
    """Operations grouped into passes over the pixels; `print` it to see them.

    Neighbours of one kind make a run: geometry becomes one resampling, colour one matrix.  All
    pointwise runs in a row share one pass.  Nothing is reordered.

    Args:
        operations: The operations, in order.
        settings: The pipeline's.
        fuse: False gives every operation a pass of its own.
        training: False leaves out what only chance does.
        output_dtype: The result's dtype, or None for the input's (float32 where an operation
            promises that).
    """

    def __init__(
        self,
        operations: Sequence[Any],
        settings: Settings,
        fuse: bool = True,
        training: bool = True,
        output_dtype: str | None = None,
    ) -> None:
        self._all = tuple(operations)
        self._settings = settings
        self._training = training
        self._output_dtype = output_dtype
        self._mix = next((op for op in self._all if op.run is MixRun), None)
        paths = paths_of(self._all)
        active = [i for i, op in enumerate(self._all) if training or op.always]
        self.operations = tuple(self._all[i] for i in active)
        self.paths = tuple(paths[i] for i in active)
        self.passes = _passes(_runs(self.operations, settings, fuse), fuse)
        for each in self.passes:
            if isinstance(each, OpaqueRun):
                each.training = training
        self._moves = any(not isinstance(each, _SharedPass) for each in self.passes)
        self._names = names_of(self._sample) if training else ()
        # two kernels: in one, XLA would hash again for every number that is read
        self._hash = Compiled(lambda rows, key: integers(key, rows, self._names))
        self._draw = Compiled(lambda table: self._sample(Draw.from_table(self._names, table)))

    def __str__(self) -> str:
        title = f"{_count(len(self.operations), 'operation')} in {_count(len(self.passes), 'pass')}"
        return "\n".join([title, *(f"  {i}. {each}" for i, each in enumerate(self.passes, 1))])

    def draw(self, key: Any, rows: Any) -> Parameters:
        """The parameters of every operation for these rows of the element with this key.

        Args:
            key: (2,) uint32.
            rows: (n,) int32.
        """
        if not self._names:
            return tuple({} for _ in self.operations)
        return self._draw(self._hash(rows, key))

    def __call__(self, owner: object, sample: Sample, parameters: Parameters) -> Sample:
        """The sample, augmented with these parameters.

        Raises:
            ValueError: for images or labels that an operation cannot take.
        """
        check(owner, sample, self.operations, self._mix, self._settings)
        labels, weights = sample.labels, sample.weights
        if self._mix is not None:
            labels = _map_tensors(self._mix.mixable, labels)
            weights = _map_tensors(_floating, weights)
            check_rows(self._mix, sample.images, (labels, weights))
        remaining = iter(parameters)
        drawn = [[next(remaining) for _ in each.operations] for each in self.passes]
        box_format = self._settings.bounding_box_format
        contents = Contents.of(sample, self._moves)
        if sample.ragged:
            alone = self._alone(owner)
            contents = self._one_by_one(owner, contents, drawn[:alone], sample.rows)
        else:
            alone = 0
            contents = contents.read(owner, box_format)
        dtype = tf.as_dtype(self.dtype_after(sample.images.dtype.name))
        for each, numbers in zip(self.passes[alone:], drawn[alone:], strict=True):
            asked = dtype if each is self.passes[-1] else None
            if isinstance(each, MixRun):
                contents, partner, share = contents.mixed(each, numbers, asked)
                labels, weights = (_blend(nest, partner, share) for nest in (labels, weights))
            else:
                contents = contents.after(each, numbers, asked)
        contents = contents.write(box_format)
        contents = contents._replace(images=cast_like(contents.images, dtype))
        return contents.put_into(replace(sample, labels=labels, weights=weights))

    def dtype_after(self, dtype: str) -> str:
        """The result's dtype for images of this dtype."""
        if self._output_dtype is not None:
            return self._output_dtype
        return "float32" if any(op.gives_float for op in self._all) else dtype

    def size_after(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """(height, width) of the result for images of this size."""
        for op in self.operations:
            size = op.output_size(size)
        return size

    def _sample(self, draw: Draw) -> tuple[dict[str, Any], ...]:
        return draw_all(self.operations, self.paths, draw)

    def _alone(self, owner: object) -> int:
        """How many passes it takes until images of any size have one size."""
        size: tuple[Any, Any] = (None, None)
        for count, each in enumerate(self.passes, 1):
            for op in each.operations:
                size = op.output_size(size)
            if None not in size:
                return count
        refuse(
            owner,
            "inputs",
            "be dense images where no operation gives them one size",
            "a RaggedTensor",
            "Begin with Resizing, RandomResizedCrop or the like, or map the layer before `batch`.",
        )

    def _one_by_one(
        self, owner: object, contents: Contents, drawn: Sequence[Parameters], rows: Any
    ) -> Contents:
        """The dense contents that the first passes make of ragged ones, image by image."""

        def one(row: Any) -> Contents:
            one, numbers = tf.nest.map_structure(
                lambda values: _dense(values[row])[None], (contents, drawn)
            )
            one = one.read(owner, self._settings.bounding_box_format)
            for each, parameters in zip(self.passes, numbers, strict=False):
                one = one.after(each, parameters)
            return tf.nest.map_structure(lambda values: values[0], one)

        row = tf.TensorSpec([], tf.int32)
        traced = tf.function(one, autograph=False).get_concrete_function(row)
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, traced.structured_outputs)
        return tf.map_fn(traced, tf.range(rows), fn_output_signature=specs)


class _SharedPass:
    """Pointwise runs in one kernel."""

    def __init__(self, runs: Sequence[PointwiseRun]) -> None:
        self.runs = tuple(runs)
        self.operations = tuple(op for run in runs for op in run.operations)
        self._kernel = Compiled(self._pixels)

    def __str__(self) -> str:
        return "one pass over the pixels: " + "; ".join(str(run) for run in self.runs)

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        return self._kernel(images, parameters, dtype)

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Segmentation masks, after each of the runs."""
        for run, drawn in self._shares(parameters):
            masks = run.move_masks(masks, drawn)
        return masks

    def move_points(self, points: Any, size: Size, parameters: Parameters) -> Any:
        """Unmoved: a pixel stays where it is."""
        return points

    def _pixels(self, images: Any, parameters: Parameters, dtype: Any) -> Any:
        for run, drawn in self._shares(parameters):
            images = run.pixels(images, drawn)
        return cast_like(images, dtype)

    def _shares(self, parameters: Parameters) -> list[tuple[PointwiseRun, Parameters]]:
        remaining = iter(parameters)
        return [(run, [next(remaining) for _ in run.operations]) for run in self.runs]


def _runs(operations: Iterable[Any], settings: Settings, fuse: bool) -> list[Run]:
    runs: list[Run] = []
    for op in operations:
        joined = [*runs.pop().operations, op] if fuse and runs and runs[-1].accepts(op) else [op]
        runs.append(op.run(joined, settings))
    return runs


def _passes(runs: Iterable[Run], fuse: bool) -> tuple[Any, ...]:
    passes: list[Any] = []
    for run in runs:
        if not isinstance(run, PointwiseRun):
            passes.append(run)
        elif fuse and passes and isinstance(passes[-1], _SharedPass):
            passes[-1] = _SharedPass([*passes[-1].runs, run])
        else:
            passes.append(_SharedPass([run]))
    return tuple(passes)


def _blend(nest: Any, partner: Any, share: Any) -> Any:
    """Every tensor of the nest, moved (1 - share) of the way to its partner's."""

    def blend(values: Any) -> Any:
        other = tf.gather(values, partner)
        shape = tf.concat([tf.shape(share), tf.ones([tf.rank(values) - 1], tf.int32)], 0)
        step = tf.cast(tf.reshape(1.0 - share, shape), values.dtype)
        mixed = values + step * (other - values)
        return tf.ensure_shape(mixed, values.shape)

    return _map_tensors(blend, nest)


def _floating(values: Any) -> Any:
    return values if values.dtype.is_floating else tf.cast(values, tf.float32)


def _map_tensors(function: Callable[[Any], Any], nest: Any) -> Any:
    """The function of every tensor of a nest, in which None stands for what was not given."""
    return tf.nest.map_structure(
        lambda leaf: None if leaf is None else function(as_tensor(leaf)), nest
    )


def _dense(values: Any) -> Any:
    return values.to_tensor() if isinstance(values, tf.RaggedTensor) else values


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else plural}"
