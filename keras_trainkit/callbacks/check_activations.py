"""The second sanity check: what the initial weights make of the activations, layer by layer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.kept_chance import kept_chance
from keras_trainkit.callbacks._replaced_calls import replaced_calls

_SATURATED = 0.25  # the share of saturated activations that is too big
_ZERO = 0.95  # the share of zeros that is too small
_FALL = 0.25  # what is left of the deviation in the last layer ...
_FALL_EACH = 0.8  # ... and from each layer to the next, where it dies away
_FAR = 20.0  # how many times the input's deviation another one may be
_LARGE_INPUT = 20.0  # pixels of 0 to 255 are beyond, normalised ones are not
_FLAT = 0.1  # saturated: where the slope is below this share of its greatest
_SAMPLE = 100_000  # how many activations a histogram counts
_BINS = 48

_CURE = "he_normal for ReLU and its like, glorot_uniform for tanh and sigmoid"

_SATURATION: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # by the value of the function
    "tanh": lambda y: 1 - y**2 < _FLAT,
    "sigmoid": lambda y: 4 * y * (1 - y) < _FLAT,
    "hard_tanh": lambda y: np.abs(y) >= 1,
    "hard_sigmoid": lambda y: (y <= 0) | (y >= 1),
    "relu6": lambda y: y >= 6,
}
_ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)


@dataclass(frozen=True)
class LayerActivations:
    """The activations of a layer, over the units and the rows of a batch.

    Attributes:
        name: The layer's name; called several times, it has several entries.
        activation: Its activation function's name; `"linear"` where it has none.
        mean: The mean.
        deviation: The standard deviation.
        zeros: The share that is exactly zero.
        saturated: The share where the slope of the activation function is less than a tenth of
            its greatest (tanh: beyond 0.95); NaN for functions that do not saturate.
        counts: A histogram, of a sample where there are very many.
        edges: The edges of its bins.
    """

    name: str
    activation: str
    mean: float
    deviation: float
    zeros: float
    saturated: float
    counts: np.ndarray = field(repr=False, compare=False)
    edges: np.ndarray = field(repr=False, compare=False)


@dataclass(frozen=True)
class ActivationReading:
    """What `check_activations` found; printed, it is a table and the verdict.

    Attributes:
        layers: What each layer gives out, in the order of the calls.
        finding: `"too small"`, `"too big"` or `"just right"`.
        verdict: The same in words, and what to do.
    """

    layers: tuple[LayerActivations, ...]
    finding: str
    verdict: str

    def __str__(self) -> str:
        rows = [("layer", "activation", "mean", "deviation", "zeros", "saturated")]
        rows += [
            (
                layer.name,
                layer.activation,
                f"{layer.mean:.3g}",
                f"{layer.deviation:.3g}",
                f"{layer.zeros:.0%}",
                "" if math.isnan(layer.saturated) else f"{layer.saturated:.0%}",
            )
            for layer in self.layers
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        sides = "<<>>>>"
        lines = [
            "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, self.verdict])


def check_activations(model: keras.Model, data: Any, examples: int = 64) -> ActivationReading:
    """Looks at the activations of one batch in every layer, and says whether their scale is right.

    With initial weights that are too small, activations (and gradients with them) die away layer
    by layer; with ones that are too big they saturate or explode. What is looked at are the
    layers that have weights, and activation layers; judged are those with an activation function
    before the output, where there are any:

    - too big: a quarter of the activations of a layer are saturated, or the deviation grows
      fourfold and by a quarter from each layer to the next, or it is twenty times that of the
      input, or not finite;
    - too small: the deviation falls to a quarter and by a fifth from each layer to the next, or
      ends at a twentieth of that of the input, or 95% of a layer are zero.

    The input is what the first layer that has weights receives, after rescaling and normalising;
    an embedding's ids have no scale. Of several inputs, only that layer's counts.

    The model runs eagerly in training mode, so that batch normalisation takes the statistics of
    the batch, and inside `keras.StatelessScope`: weights, moving statistics and seeds stay.
    Layers inside of subclassed and nested models are found; recurrent ones count as one.

    Args:
        model: A Keras model.
        data: Inputs (several in a dictionary), `(x, y)` or `(x, y, sample_weight)`, or an
            iterable of such batches, say a `tf.data.Dataset`, whose first one is taken.
        examples: How many rows are looked at, the first ones.

    Returns:
        The figures and the verdict.

    Raises:
        ValueError: If an argument is not what is said above, the data hold nothing, or the model
            no layer with activations.

    Example:

    >>> keras.utils.set_random_seed(1)
    >>> model = keras.Sequential([keras.Input((100,), name="in")] + [
    ...     keras.layers.Dense(100, "tanh", kernel_initializer=keras.initializers.RandomNormal(
    ...         stddev=0.01), name=f"hidden_{n}") for n in (1, 2, 3, 4)
    ... ])
    >>> reading = check_activations(model, np.random.default_rng(0).normal(size=(64, 100)))
    >>> [f"{layer.deviation:.0e}" for layer in reading.layers]
    ['1e-01', '1e-02', '1e-03', '1e-04']
    >>> print(reading)  # doctest: +ELLIPSIS
    layer     activation ...
    Too small: the deviation falls from 0.099 in hidden_1 to ...

    Source: CS231n 2020, lecture 7, "Weight initialization: activation statistics", and lecture 8;
    the thresholds are ours.
    """
    who = "check_activations"
    if not isinstance(model, keras.Model):
        arguments.refuse(who, "model", "be a keras.Model", type(model).__name__)
    inputs = first_inputs(data, arguments.integer(who, "examples", examples, 1))
    layers, received = activations_of(model, inputs)
    if not layers:
        arguments.refuse(who, "model", "have layers with weights or activations", model.name)
    finding, verdict = _judge(layers, *scale(received))
    return ActivationReading(tuple(layers), finding, verdict)


def activations_of(model: keras.Model, inputs: Any) -> tuple[list[LayerActivations], np.ndarray]:
    """What each layer gives out, and what the first one with weights receives."""
    if not model.built:
        model(inputs)
    watch = _Watch()
    # A layer asks the scope for its weights, so the scope has to know them.
    with (
        replaced_calls(_watched(model), watch.watching),
        kept_chance(),
        keras.StatelessScope([(variable, variable.value) for variable in model.variables]),
    ):
        model(inputs, training=True)
    return watch.layers, np.zeros(0) if watch.received is None else watch.received


def scale(received: np.ndarray) -> tuple[float, float]:
    """The deviation, and how far it reaches; NaN where there is none."""
    if not received.size:
        return math.nan, math.nan
    return float(received.std(dtype="float64")), float(np.abs(received).max())


def first_inputs(data: Any, examples: int) -> Any:
    """The inputs of the first rows, as NumPy: backends do not take each other's tensors."""
    if not isinstance(data, tuple | dict) and not hasattr(data, "shape"):
        if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
            rule = "be inputs, (x, y) or a dataset of such batches"
            arguments.refuse("check_activations", "data", rule, type(data).__name__)
        data = next(iter(data), None)
    x = keras.utils.unpack_x_y_sample_weight(data)[0]
    leaves = keras.tree.flatten(x)
    if leaves[0] is None or not len(leaves[0]):
        arguments.refuse("check_activations", "data", "hold at least one row", "none")
    return keras.tree.map_structure(lambda leaf: ops.convert_to_numpy(leaf[:examples]), x)


def _watched(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers inside, wherever they are, but the cells of a recurrent one."""
    inside = list(model._flatten_layers(include_self=False))  # no public name finds them all
    cells = [
        cell
        for layer in inside
        if isinstance(layer, keras.layers.RNN)
        for cell in layer._flatten_layers(include_self=False)
    ]
    skipped = {id(cell) for cell in cells}
    return [layer for layer in inside if id(layer) not in skipped]


class _Watch:
    """Reads what layers give out, and what the first one with weights receives.

    A composite layer is left to those inside of it, unless none of them gives out anything.
    """

    def __init__(self) -> None:
        self.layers: list[LayerActivations] = []
        self.received: np.ndarray | None = None

    def watching(self, layer: keras.layers.Layer) -> Callable[..., Any]:
        """The layer's `call`, watched."""
        inner = layer.call

        @functools.wraps(inner)
        def call(*args: Any, **kwargs: Any) -> Any:
            before = len(self.layers)
            outputs = inner(*args, **kwargs)
            if len(self.layers) == before and (layer.weights or isinstance(layer, _ACTIVATIONS)):
                values = _concrete(keras.tree.flatten(outputs)[0])
                if values is not None:
                    self.layers.append(_read(layer, values))
                    self._receive(layer, (args, kwargs))
            return outputs

        return call

    def _receive(self, layer: keras.layers.Layer, inputs: Any) -> None:
        if self.received is not None or not layer.weights:
            return
        if isinstance(layer, keras.layers.Embedding):  # ids, and small on purpose what it gives out
            self.received = np.zeros(0)
        elif "Normalization" not in type(layer).__name__:  # after it is where the scale counts
            self.received = _concrete(keras.tree.flatten(inputs)[0])


def _concrete(output: Any) -> np.ndarray | None:
    """The numbers; None for those of a loop or branch that is being compiled, and for integers."""
    try:
        values = np.asarray(ops.convert_to_numpy(output))
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return None
    if values.dtype.kind not in "fV" or not values.size:  # V: bfloat16
        return None
    return values.astype("float32")


def _activation_name(layer: keras.layers.Layer) -> str:
    function = getattr(layer, "activation", None)
    if function is not None:
        return getattr(function, "__name__", type(function).__name__.lower())
    if isinstance(layer, keras.layers.ReLU) and layer.max_value == 6:
        return "relu6"
    return type(layer).__name__.lower() if isinstance(layer, _ACTIVATIONS) else "linear"


def _read(layer: keras.layers.Layer, values: np.ndarray) -> LayerActivations:
    activation = _activation_name(layer)
    flat = values.ravel()
    with np.errstate(all="ignore"):  # what is not finite is said in the verdict
        mean = float(flat.mean(dtype="float64"))
        deviation = math.sqrt(float(np.square(flat - np.float32(mean)).mean(dtype="float64")))
        saturates = _SATURATION.get(activation)
        saturated = math.nan if saturates is None else float(saturates(flat).mean())
    finite = flat[np.isfinite(flat)]
    if finite.size > _SAMPLE:
        finite = np.random.default_rng(0).choice(finite, _SAMPLE)
    counts, edges = np.histogram(finite, _BINS)
    zeros = float(np.mean(flat == 0))
    return LayerActivations(
        layer.name, activation, mean, deviation, zeros, saturated, counts, edges
    )


def _judge(layers: list[LayerActivations], start: float, reach: float) -> tuple[str, str]:
    """The finding, and its sentence; of the input, the deviation and how far it reaches."""
    hidden = layers[:-1] or layers
    judged = [layer for layer in hidden if layer.activation != "linear"] or hidden
    first, last = judged[0], judged[-1]
    total = last.deviation / first.deviation if first.deviation else 0.0
    each = total ** (1 / (len(judged) - 1)) if len(judged) > 1 else 1.0
    largest = max(judged, key=lambda layer: layer.deviation)
    flattest = max(judged, key=lambda layer: np.nan_to_num(layer.saturated))
    emptiest = max(judged, key=lambda layer: layer.zeros)
    broken = next((layer for layer in layers if not math.isfinite(layer.deviation)), None)
    way = f"from {first.deviation:.2g} in {first.name} to {last.deviation:.2g} in {last.name}"
    big = small = ""
    if broken:
        big = f"the activations of {broken.name} are not finite"
    elif flattest.saturated >= _SATURATED:
        big = (
            f"{flattest.saturated:.0%} of the activations of {flattest.name} are saturated, where "
            f"{flattest.activation} has no slope to learn by"
        )
    elif total > 1 / _FALL and each > 1 / _FALL_EACH:
        big = f"the deviation grows {way}"
    elif largest.deviation > _FAR * start:
        big = (
            f"the deviation is {largest.deviation:.2g} in {largest.name}, and {start:.2g} in the "
            "input"
        )
    elif emptiest.zeros >= _ZERO:
        small = f"{emptiest.zeros:.0%} of the activations of {emptiest.name} are zero"
    elif total < _FALL and each < _FALL_EACH:
        small = f"the deviation falls {way}, and the gradients die away with it"
    elif last.deviation < start / _FAR:  # of the last: a gate on the way is small on purpose
        small = (
            f"the deviation is {last.deviation:.2g} in {last.name}, and {start:.2g} in the input"
        )
    if big and reach > _LARGE_INPUT:
        return "too big", f"Too big: {big}. The input reaches {reach:.3g}: normalise it first."
    if big:
        return "too big", f"Too big: {big}. Make the initial weights smaller: {_CURE}."
    if small:
        return "too small", f"Too small: {small}. Make the initial weights larger: {_CURE}."
    if first is last:
        return "just right", f"Just right: the deviation is {first.deviation:.2g} in {first.name}."
    return "just right", f"Just right: the deviation goes {way}."
