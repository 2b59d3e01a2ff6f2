"""A layer's curvature as a Kronecker product: of its inputs, and of what comes back to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit.optimizers.precision import rule_dtype

_LEAST, _LARGEST = 1e-6, 1e6  # pi: how unevenly the damping may be shared


@dataclass(frozen=True)
class Block:
    """A Dense or Conv2D layer and the two factors of its curvature, with their inverses.

    With a the input of the layer, a 1 appended where there is a bias, and g the gradient with
    respect to what goes into its activation: `inner` is E[a a'] and `outer` is E[g g']. A layer
    that is applied at T places of an example (a convolution, or a dense one over a sequence) sums
    a a' over them and averages g g' ("KFC" of Grosse and Martens, not its simplification SUA).
    """

    layer: Any
    inner: Any
    outer: Any
    inverse_inner: Any
    inverse_outer: Any

    @property
    def weights(self) -> list[Any]:
        """The kernel, and the bias where there is one."""
        return [self.layer.kernel, *([self.layer.bias] if self.layer.use_bias else [])]

    @property
    def state(self) -> list[Any]:
        """The variables of this block."""
        return [self.inner, self.outer, self.inverse_inner, self.inverse_outer]

    def inner_of(self, inputs: Any, batch: Any) -> Any:
        """`inner` of one batch."""
        layer, inputs = self.layer, ops.cast(inputs, self.inner.dtype)
        if isinstance(layer, keras.layers.Conv2D):
            inputs = _last(
                layer,
                ops.image.extract_patches(
                    inputs,
                    layer.kernel_size,
                    layer.strides,
                    layer.dilation_rate,
                    layer.padding,
                    layer.data_format,
                ),
            )
        rows = ops.reshape(inputs, (-1, math.prod(layer.kernel.shape[:-1])))
        if layer.use_bias:
            rows = ops.concatenate([rows, ops.ones_like(rows[:, :1])], axis=1)
        return _gram(rows) / ops.cast(batch, rows.dtype)

    def outer_of(self, back: Any) -> Any:
        """`outer` of one batch, of the gradients of each example."""
        rows = ops.cast(_last(self.layer, back), self.outer.dtype)
        rows = ops.reshape(rows, (-1, self.outer.shape[0]))
        return _gram(rows) / ops.cast(ops.shape(rows)[0], rows.dtype)

    def inverses(self, damping: float) -> tuple[Any, Any]:
        """Of inner + pi sqrt(damping) I and of outer + sqrt(damping) / pi I."""
        inner, outer = ops.copy(self.inner), ops.copy(self.outer)
        pi = ops.sqrt(_mean_eigenvalue(inner) / (_mean_eigenvalue(outer) + _tiny(outer)))
        pi = ops.clip(pi, _LEAST, _LARGEST)
        return _inverse(inner, damping**0.5 * pi), _inverse(outer, damping**0.5 / pi)

    def natural(self, gradients: list[Any]) -> list[Any]:
        """The gradients of the weights, multiplied by the inverse of the curvature."""
        rows = [
            ops.reshape(ops.cast(g, self.inner.dtype), (-1, self.outer.shape[0])) for g in gradients
        ]
        step = ops.matmul(self.inverse_inner, ops.concatenate(rows))
        step = ops.matmul(step, self.inverse_outer)
        kernel = ops.reshape(step[: math.prod(gradients[0].shape[:-1])], gradients[0].shape)
        return [kernel, step[-1]][: len(gradients)]


def blocks_of(model: keras.Model, add_matrix: Callable[..., Any]) -> list[Block]:
    """A block for each Dense and Conv2D layer that trains.

    Args:
        model: A built model.
        add_matrix: A function of a side, a dtype and a name, to a variable.
    """
    trained = {id(variable) for variable in model.trainable_variables}
    blocks = []
    for layer in model._flatten_layers():  # no public name finds those inside of other layers
        # a subclass may do anything with its kernel
        if type(layer) not in (keras.layers.Dense, keras.layers.Conv2D):
            continue
        if not layer.built or id(layer.kernel) not in trained:
            continue
        if getattr(layer, "groups", 1) != 1:
            raise ValueError(
                f"`KFAC`: `model` must have no convolution in groups, got {layer.name!r} with "
                f"{layer.groups} of them. Freeze it, or use `Adam`."
            )
        dtype, units = rule_dtype(layer.kernel), layer.kernel.shape[-1]
        fan_in = math.prod(layer.kernel.shape[:-1]) + layer.use_bias
        matrices = [
            add_matrix(side, dtype, f"{layer.name}_{name}")
            for name, side in (
                ("inner", fan_in),
                ("outer", units),
                ("inverse_inner", fan_in),
                ("inverse_outer", units),
            )
        ]
        blocks.append(Block(layer, *matrices))
    return blocks


@contextmanager
def tapped(blocks: list[Block], rooms: list[Any]) -> Iterator[Callable[[], list[Any]]]:
    """For the time of one forward pass, the layers note their inputs, and the way back `outer`.

    Args:
        blocks: Those to tap.
        rooms: A matrix of zeros for each: the "gradient" with respect to it is `outer`.

    Yields:
        A function that returns the inputs of the layers after the pass.
    """
    seen: list[list[Any]] = [[] for _ in blocks]

    def inputs() -> list[Any]:
        for block, calls in zip(blocks, seen, strict=True):
            if len(calls) != 1:
                raise ValueError(
                    f"`KFAC`: every layer must be called once by the model, got {len(calls)} calls "
                    f"of {block.layer.name!r}. Freeze it, or use `Adam`."
                )
        return [calls[0] for calls in seen]

    with ExitStack() as stack:
        for block, room, calls in zip(blocks, rooms, seen, strict=True):
            stack.enter_context(_replaced(vars(block.layer), _taps(block, room, calls)))
        yield inputs


@contextmanager
def _replaced(attributes: dict[str, Any], new: dict[str, Any]) -> Iterator[None]:
    """Sets attributes for a time, past what Keras and torch do where one is set."""
    old = {name: attributes[name] for name in new if name in attributes}
    attributes.update(new)
    try:
        yield
    finally:
        for name in new:
            del attributes[name]
        attributes.update(old)


def _taps(block: Block, room: Any, calls: list[Any]) -> dict[str, Callable[..., Any]]:
    call, activation = block.layer.call, block.layer.activation

    @ops.custom_gradient
    def listen(x: Any, room: Any) -> Any:
        def back(*args: Any, upstream: Any = None) -> Any:
            upstream = args[0] if upstream is None else upstream
            return upstream, block.outer_of(upstream)

        return x, back

    def note(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(inputs)
        return call(inputs, *args, **kwargs)

    return {"call": note, "activation": lambda x: activation(listen(x, room))}


def _last(layer: Any, x: Any) -> Any:
    """The channels last."""
    return ops.moveaxis(x, 1, -1) if getattr(layer, "data_format", "") == "channels_first" else x


def _gram(rows: Any) -> Any:
    return ops.matmul(ops.transpose(rows), rows)


def _mean_eigenvalue(matrix: Any) -> Any:
    return ops.trace(matrix) / matrix.shape[0]


def _tiny(matrix: Any) -> float:
    return float(np.finfo(keras.backend.standardize_dtype(matrix.dtype)).tiny)


def _inverse(matrix: Any, damping: Any) -> Any:
    side = matrix.shape[0]
    identity = ops.eye(side, dtype=matrix.dtype)
    # below what rounding leaves of the matrix no damping makes it positive
    rounding = 4 * np.finfo(keras.backend.standardize_dtype(matrix.dtype)).eps
    damping = ops.maximum(damping, float(rounding) * ops.trace(matrix))
    root = ops.cholesky(matrix + damping * identity)
    half = ops.solve_triangular(root, identity, lower=True)
    return ops.matmul(ops.transpose(half), half)
