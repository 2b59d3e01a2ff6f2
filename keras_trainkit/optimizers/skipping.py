"""Whether a step is to be skipped, and what way of skipping costs least."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.precision import rule_dtype

_SMALL = 2**14  # numbers, below which a copy costs less than another operation


def are_finite(grads: Sequence[Any]) -> Any:
    """Whether no gradient, on any replica, holds a NaN or an infinity: a boolean scalar.

    A sum is finite only where all its terms are, and it costs one pass that writes nothing. One
    that overflows (of float16 and bfloat16 it is taken in float32) counts as not finite, too.
    """
    groups: dict[Any, list[Any]] = {}
    for g in grads:
        if g is not None:  # small ones of one shape go together: three operations, not one each
            shape = tuple(g.shape)
            small = None not in shape and math.prod(shape) <= _SMALL
            groups.setdefault((shape, str(g.dtype)) if small else id(g), []).append(g)
    finite = ops.all(ops.isfinite(ops.stack([_sum(group) for group in groups.values()])))
    if _is_replicated():
        replica, bad = tf.distribute.get_replica_context(), ops.cast(~finite, "int32")
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, bad) == 0
    return finite


def _sum(group: list[Any]) -> Any:
    if len(group) == 1:
        return ops.sum(ops.cast(group[0], rule_dtype(group[0])))
    # Without something between the two, XLA makes a sum of each out of the sum of the stack.
    stack = ops.abs(ops.stack(group))
    return ops.sum(ops.cast(stack, rule_dtype(stack)))


def should_select(condition: Any) -> bool:
    """Whether to compute the step always and choose between the new values and the old.

    XLA fuses the choice into the update, where it would copy all that passes a condition; JAX
    traces both branches of a condition, so that neither may assign; and TensorFlow's replicas
    cannot synchronise inside of one. Anything else does better with a condition.
    """
    return _is_traced_by_jax(condition) or _is_compiled_by_xla() or _is_replicated()


def choose(condition: Any, yes: Callable[[], None], no: Callable[[], None]) -> None:
    """Does one thing or the other, where `should_select` allows it."""
    if keras.backend.backend() == "jax":  # of which it is a number, but would trace both
        (yes if condition else no)()
    else:
        ops.cond(condition, yes, no)


def _is_traced_by_jax(condition: Any) -> bool:
    if keras.backend.backend() != "jax":
        return False
    try:
        bool(condition)
    except TypeError:
        return True
    return False


def _is_replicated() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync > 1


def _is_compiled_by_xla() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    try:  # No public name tells. Without this one all is right, but slower under `jit_compile`.
        from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext
    except ImportError:
        return False
    return GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
