"""The base of every augmentation: a Keras layer that is at home in `tf.data`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.draws import key_from_integer
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation import structures
from keras_trainkit.layers.augmentation.algebra.bounding_boxes import FORMATS
from keras_trainkit.layers.augmentation.algebra.resampling import FILL_MODES, INTERPOLATIONS
from keras_trainkit.layers.augmentation.moments import pixel_moments
from keras_trainkit.layers.augmentation.plan import Plan
from keras_trainkit.layers.augmentation.preview import contact_sheet
from keras_trainkit.layers.augmentation.runs.settings import Settings


class Augmentation(keras.layers.Layer):
    """Base of the data-side layers: structures, dtypes, seeds, `map`, `plan` and `preview`.

    Takes and returns uint8 or floating images, (n, h, w, c) or (h, w, c), alone, as `(x, y)`,
    as `(x, y, sample_weight)`, or as a dictionary with the key `"images"` and, where there are
    any, `"labels"`, `"sample_weights"`, `"segmentation_masks"` and `"bounding_boxes"`; other keys
    pass through untouched.  The result has the input's dtype (uint8 rounded and clipped once, at
    the end), whatever the Keras dtype policy; operations that promise float32 say so.  Reads
    `channels_last` images.  A NaN stays in its pixel under whole-pixel moves and tone curves,
    whose histograms count it as black; the policies' operations make it black; interpolation,
    filters and colour spread it to neighbours and channels, and contrast, by the mean, to the
    image.

    Segmentation masks, (n, h, w) or (n, h, w, c), integer or floating, are read at the nearest
    pixel and keep their class ids and dtype; beyond a constant border they are 0.

    Bounding boxes are a dictionary of `"boxes"` (n, k, 4), `"labels"` (n, k) and, if need be,
    further tensors (n, k, ...).  A box becomes the float32 box round the place where its outline
    goes, cut off at the image's border.  As in Keras an empty one gets the label -1, and
    RaggedTensors come back dense, padded with the label -1; such padding stays as it is.

    A RaggedTensor of images is taken where an operation gives them all one size; up to that one
    they are augmented image by image.

    Args:
        value_range: (black, white) of the images; colours are clipped to it. Default (0, 255).
        fill_mode: What stands beyond the border: `"reflect"` (d c b a | a b c d | d c b a, the
            default), `"constant"`, `"nearest"` or `"wrap"`.
        fill_value: The constant of `"constant"`, in the images' values. Default 0.
        interpolation: `"bilinear"` (the default) or `"nearest"`.
        bounding_box_format: `"xyxy"`, `"rel_xyxy"` or another of Keras' names; needed where
            there are boxes.
        seed: An integer for direct calls and, where `map` is given none, for `map`.
        data_format: `"channels_last"` or None; `"channels_first"` is refused.
        **kwargs: `name` and the like, for `keras.layers.Layer`.

    Inside a `Pipeline` the first five belong to the pipeline.
    """

    def __init__(
        self,
        *,
        value_range: tuple[float, float] | None = None,
        fill_mode: str | None = None,
        fill_value: float | None = None,
        interpolation: str | None = None,
        bounding_box_format: str | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.value_range = None if value_range is None else arguments.value_range(self, value_range)
        self.fill_mode = fill_mode
        if fill_mode is not None:
            arguments.one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.fill_value = (
            None if fill_value is None else arguments.number(self, "fill_value", fill_value)
        )
        self.interpolation = interpolation
        if interpolation is not None:
            arguments.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.bounding_box_format = bounding_box_format
        if bounding_box_format is not None:
            arguments.one_of(self, "bounding_box_format", bounding_box_format, FORMATS)
        self.seed = None if seed is None else _seed(self, seed)
        self.data_format = data_format
        if data_format not in (None, "channels_last"):
            refuse(self, "data_format", "be 'channels_last'", data_format, "Transpose the images.")
        self.supports_jit = False
        self._seeds = keras.random.SeedGenerator(self.seed)
        self._plans: dict[Any, Plan] = {}

    def operations(self) -> tuple[Any, ...]:
        """The operations that this layer carries out, in order."""
        # no property: Keras' saving follows those, and this one can lead back to the layer
        raise NotImplementedError

    @property
    def settings(self) -> Settings:
        """The shared settings, defaults filled in."""
        given = {name: getattr(self, name) for name in vars(Settings())}
        return replace(Settings(), **{k: v for k, v in given.items() if v is not None})

    def plan(self, training: bool = True) -> Plan:
        """How the operations share passes over the pixels; `print` it.

        Args:
            training: False gives the plan of evaluation.
        """
        # `adapt` counts an operation's revision up, which retires the plans with its old numbers
        state = (training, *(op.revision for op in self.operations()))
        if state not in self._plans:
            self._plans = {k: p for k, p in self._plans.items() if k[1:] == state[1:]}
            with tf.init_scope():
                self._plans[state] = self._make_plan(training)
        return self._plans[state]

    def _make_plan(self, training: bool) -> Plan:
        return Plan(self.operations(), self.settings, training=training)

    def map(
        self,
        dataset: Any,
        seed: int | None = None,
        training: bool = True,
        num_parallel_calls: int | None = None,
    ) -> Any:
        """The dataset, augmented: reproducible, parallel, and able to resume from a checkpoint.

        Each element carries its own key, so equal seeds give equal bits whatever the number of
        parallel calls and after a restart from the iterator's checkpoint; each epoch (each new
        iterator of this dataset object) draws anew. Batched and unbatched datasets draw
        differently. A run that is started again at epoch e without such a checkpoint sees the
        draws of epoch 0: pass it another seed.

        Args:
            dataset: A `tf.data.Dataset` of images, (x, y), (x, y, w) or dictionaries.
            seed: A non-negative integer; by default the layer's `seed`, else one drawn afresh.
            training: False switches chance off and needs no seed.
            num_parallel_calls: Elements worked on at once; by default `tf.data.AUTOTUNE`.

        Returns:
            A `tf.data.Dataset`. Works under every Keras backend.
        """
        if not isinstance(dataset, tf.data.Dataset):
            refuse(self, "dataset", "be a tf.data.Dataset", type(dataset).__name__)
        parallel = tf.data.AUTOTUNE if num_parallel_calls is None else num_parallel_calls
        plan = self.plan(training)
        if not training:
            # `Dataset.map` takes tuples apart, those of one part too
            tuples = type(dataset.element_spec) is tuple
            plain = _unconverted(
                lambda *parts: self._augment_on_cpu(plan, parts if tuples else parts[0])
            )
            return self._each(dataset, plain, parallel)
        seed = self.seed if seed is None else _seed(self, seed)
        keys = _keys(secrets.randbits(31) if seed is None else seed)
        keyed = _unconverted(
            lambda element, key: self._augment_on_cpu(plan, element, key_from_integer(key))
        )
        return self._each(tf.data.Dataset.zip(dataset, keys), keyed, parallel)

    def _each(self, dataset: Any, function: Callable[..., Any], parallel: int) -> Any:
        """`Dataset.map`, where every element can be relied on."""
        return dataset.map(function, num_parallel_calls=parallel)

    def adapt(self, data: Any, steps: int | None = None, verbose: int = 0) -> None:
        """Fits what depends on the training set, in one streaming pass over its pixels.

        `Normalization` takes on their mean and variance, `PCAColorJitter` their principal
        components.

        Args:
            data: An array (n, h, w, c) in `value_range`, or an iterable (a `tf.data.Dataset`,
                say) of images or batches, alone, first in a tuple, or under the key `"images"`.
            steps: Stop after this many elements; needed for a dataset that repeats.
            verbose: 1 shows a progress bar.

        Raises:
            ValueError: where there is nothing to fit, no image, or a pixel that is not finite.
        """
        adaptable = [op for op in self.operations() if hasattr(op, "absorb")]
        if not adaptable:
            titles = [op.title for op in self.operations()]
            cure = "Only Normalization and PCAColorJitter adapt."
            refuse(self, "operations", "depend on data", titles, cure)
        mean, covariance = pixel_moments(self, data, steps, verbose)
        for op in adaptable:
            op.absorb(mean, covariance, self.settings.unit)
            op.revision += 1

    def parameters(self, seed: int = 0, n: int = 1) -> dict[str, dict[str, np.ndarray]]:
        """What chance would give the `n` images of a batch whose key is `seed`.

        Returns:
            For each operation, by its path, its drawn numbers by name, each of shape (n,);
            `"applied"` says whether the operation acts on the image at all.
        """
        plan, rows = self.plan(), tf.range(arguments.integer(self, "n", n, 0))
        drawn = plan.draw(key_from_integer(_seed(self, seed)), rows)
        pairs = zip(plan.paths, drawn, strict=True)
        return {path: tf.nest.map_structure(np.asarray, each) for path, each in pairs if each}

    def preview(self, images: Any, seed: int = 0) -> Any:
        """A contact sheet: a row an operation, from weak to strong, then the whole pipeline.

        Args:
            images: A batch (n, h, w, c) in `value_range`; the first image is shown in the rows
                of the operations, the first five in that of the pipeline.
            seed: Of the last row.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        return contact_sheet(self, images, seed)

    def __call__(self, inputs: Any, *rest: Any, training: bool | None = None) -> Any:
        """Augments `inputs`, or `(inputs, *rest)` as `Dataset.map` hands a tuple over."""
        data = (inputs, *rest) if rest else inputs
        if keras.backend.backend() == "tensorflow":
            # an explicit None would reach `call` instead of its default
            chance = {} if training is None else {"training": training}
            return super().__call__(data, **chance)
        cure = "Augment the dataset with `layer.map(dataset)`."
        structures.refuse_symbolic(self, data, tf.inside_function(), cure)
        return self.call(data, training=training is not False)

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Augments, each call with the next seed of the layer's own generator."""
        key = None
        if training:
            seed = self._seeds.next()
            if keras.backend.backend() != "tensorflow":
                seed = keras.ops.convert_to_numpy(seed)
            key = tf.cast(seed, tf.uint32)
        return self._augment(self.plan(bool(training)), inputs, key)

    def _augment(self, plan: Plan, inputs: Any, key: Any = None) -> Any:
        sample = structures.unpack(self, inputs)
        if key is None:
            parameters: Sequence[dict[str, Any]] = [{} for _ in plan.operations]
        else:
            parameters = plan.draw(key, tf.range(sample.rows))
        return structures.pack(plan(self, sample, parameters))

    def _augment_on_cpu(self, plan: Plan, inputs: Any, key: Any = None) -> Any:
        # where there is an accelerator, XLA would otherwise compile the input pipeline for it
        with tf.device("/CPU:0"):
            return self._augment(plan, inputs, key)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., height, width, channels) of the result, for the shape of images alone."""
        *front, height, width, channels = input_shape
        return (*front, *self.plan().size_after((height, width)), channels)

    def compute_output_spec(self, inputs: Any, training: bool = True) -> Any:
        """The spec of the result for images alone, dtype included."""
        if not isinstance(inputs, keras.KerasTensor):
            refuse(
                self,
                "inputs",
                "be images alone in a functional model",
                type(inputs).__name__,
                "Augment labels with `layer.map(dataset)`.",
            )
        dtype = self.plan().dtype_after(inputs.dtype)
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    def build(self, *_: Any) -> None:
        """Nothing to build: the layer has no weights."""
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Augmentation:
        """The layer of a config."""
        return cls(**revive(config))


class Operation(Augmentation):
    """One augmentation: how it draws (`sample`), and what it does, which its kind declares.

    Args:
        p: The probability with which the operation acts on an image. Default 1.
        **kwargs: As in `Augmentation`.
    """

    run: Any
    """The `Run` that carries operations of this kind out."""
    always = False
    """Whether something of it is left when chance is off."""
    optional = False
    """Whether, though `always`, it may stand behind a gate, where it is chance like the rest."""
    gives_float = False
    """Whether it promises float32 images."""
    channels: tuple[int, ...] | None = None
    """The numbers of channels that it can take, or None for any."""
    gates: tuple[Any, ...] = ()
    """Pairs of a `Gate` and its branch that must be open for it to act."""

    def __init__(self, p: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.p = arguments.probability(self, "p", p)
        self.revision = 0

    def operations(self) -> tuple[Any, ...]:
        """This operation: alone it is a pipeline of one."""
        return (self,)

    @property
    def title(self) -> str:
        """Its name in plans and draws."""
        return type(self).__name__

    @property
    def chance(self) -> float:
        """The probability with which it acts."""
        return self.p

    def sample(self, draw: Any) -> dict[str, Any]:
        """Named parameters from a `Draw`, one number an image, free of the images' size."""
        return {}

    def draw(self, draw: Any) -> dict[str, Any]:
        """`sample`, and whether the operation is applied."""
        return {"applied": draw.coin("applied", self.chance), **self.sample(draw)}

    def narrow(self, drawn: dict[str, Any], open_: Any) -> dict[str, Any]:
        """The drawn parameters, the operation applied only where `open_`, (n,) bool."""
        return {**drawn, "applied": drawn["applied"] & open_}

    def choose(self, drawn: dict[str, Any], element: Any, rest: Any) -> Any:
        """`element(parameters)` where the operation is applied, `rest` elsewhere."""
        if not drawn:
            return rest
        parameters = {name: value for name, value in drawn.items() if name != "applied"}
        chosen = element(parameters)
        applied = tf.reshape(drawn["applied"], [-1] + [1] * (chosen.shape.rank - 1))
        return tf.where(applied, chosen, rest)

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """(height, width) of its result."""
        return size


def _seed(owner: object, seed: Any) -> int:
    seed = arguments.integer(owner, "seed", seed, 0)
    if seed >= 2**63:
        refuse(owner, "seed", "be below 2^63", seed)
    return seed


def _keys(seed: int) -> Any:
    """An endless dataset of int64 keys, other ones each time that it is gone through."""
    # `Dataset.random` is this, but for mixing the global seed of `tf.random.set_seed` in
    variant = tf.raw_ops.RandomDatasetV2(
        seed=seed,
        seed2=1,
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        rerandomize_each_iteration=True,
        output_types=[tf.int64],
        output_shapes=[[]],
    )
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.int64))


def _unconverted(function: Callable[..., Any]) -> Any:
    """`function` kept from AutoGraph, which would only rewrite it into the same, slowly."""
    return tf.autograph.experimental.do_not_convert(function)
