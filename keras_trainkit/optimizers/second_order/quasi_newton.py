"""The base of the optimizers that learn the curvature from gradients of the full batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.arguments import integer, number, refuse
from keras_trainkit._core.config import own_config
from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.flat import Flat
from keras_trainkit.optimizers.second_order.line_search import (
    Search,
    begin,
    contradicts,
    is_enough,
    proceed,
)
from keras_trainkit.optimizers.state import StateKeeper

_CONTRARY = {
    "weight_decay": "Give the layers L2 regularizers, which are part of the loss.",
    "clipnorm": "The line search keeps steps from being too long.",
    "clipvalue": "The line search keeps steps from being too long.",
    "global_clipnorm": "The line search keeps steps from being too long.",
    "use_ema": "`fit` ends at the last accepted point; there is nothing to average.",
    "ema_overwrite_frequency": "`fit` ends at the last accepted point.",
}
_KERAS_ARGUMENTS: dict[str, Callable[..., Any]] = {
    "loss_scale_factor": partial(number, above=0.0),
    "gradient_accumulation_steps": partial(
        integer, minimum=2, cure="Leave it out where one step sees the full batch."
    ),
}
_SAME_GRADIENT = 1e-2  # relative difference below which a search goes on where it was
_ASYMMETRY = 0.5  # of the Hessian that two pairs of steps tell of; more is a contradiction
_FLOOR = 1e-3  # of the largest gradient's norm: below, rounding may contradict
_FEW, _RARE = 32, 1 / 6  # contradictions, and their share, up to which nothing is said
# (Rosenbrock's valley, full batch: up to 25 of 40; networks: 2 in 100; minibatches: 40 in 100.)


class _Tally(NamedTuple):
    """What is counted, as scalars of the rule's dtype."""

    pairs: Any  # remembered since the memory was empty
    largest: Any  # norm of a gradient so far
    compared: Any  # pairs of neighbouring steps
    contradictory: Any  # of them, or searches that make no sense


class QuasiNewton(StateKeeper):
    """A Keras optimizer made of a memory of (step, change of the gradient).

    A member names its `memory` and states, as pure functions, how a pair enters it and what the
    inverse Hessian that it stands for does to a vector. An empty memory is all zeros.

    Args:
        learning_rate: The first trial of each line search.
        **kwargs: `loss_scale_factor`, `gradient_accumulation_steps` and `name`.

    Raises:
        ValueError: If an argument is out of its range or contradicts a line search.
    """

    gradient_accumulation_steps: int | None

    def __init__(self, learning_rate: Any = 1.0, **kwargs: Any) -> None:
        if not callable(learning_rate):  # a schedule is callable, too
            learning_rate = number(self, "learning_rate", learning_rate, above=0.0)
        for name, cure in _CONTRARY.items():
            if kwargs.get(name):
                refuse(self, name, "be left out of a line search", kwargs[name], cure)
        for name, check in _KERAS_ARGUMENTS.items():
            if kwargs.get(name) is not None:
                kwargs[name] = check(self, name, kwargs[name])
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.skipped_steps = self.add_variable((), dtype="int", name="skipped_steps")
        self._state: dict[str, Any] = {}
        self._flat = Flat(())
        self._has_warned = False

    def memory(self, size: int) -> dict[str, tuple[int, ...]]:
        """The names and shapes of what is remembered of `size` weights."""
        raise NotImplementedError

    def remember(
        self, memory: dict[str, Any], s: Any, y: Any, pairs: Any, exact: Any
    ) -> dict[str, Any]:
        """The memory with one pair more: pure.

        Args:
            memory: Tensors by name.
            s: The step between two points.
            y: The difference of the gradients there; s.y is positive.
            pairs: Their number, with this one.
            exact: The share of the direction at whose end a linear slope would have been zero.
        """
        raise NotImplementedError

    def last_pair(self, memory: dict[str, Any]) -> tuple[Any, Any]:
        """The pair that was remembered last."""
        raise NotImplementedError

    def inverse_times(self, memory: dict[str, Any], g: Any) -> Any:
        """The inverse Hessian times a vector; only asked of a memory that is not empty: pure."""
        raise NotImplementedError

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the state, and fills it where one was loaded before."""
        if self.built:
            return
        self._check(variables)
        # The sum over the pieces of a batch is one flat variable, not one for each weight.
        pieces, self.gradient_accumulation_steps = self.gradient_accumulation_steps, None
        super().build(variables)
        self.gradient_accumulation_steps = pieces
        self._flat = Flat(tuple(variables))
        size = self._flat.size
        shapes: dict[str, tuple[int, ...]] = {
            "point": (size,),
            "gradient": (size,),
            "direction": (size,),
            "search": (len(Search._fields),),
            "tally": (len(_Tally._fields),),
            **self.memory(size),
        }
        if pieces:
            shapes |= {"sum": (size,), "summed": ()}
        for name, shape in shapes.items():
            self._state[name] = self.add_variable(shape, dtype=self._flat.dtype, name=name)
        self._use_loaded()

    def _check(self, variables: Sequence[Any]) -> None:
        for variable in variables:
            if getattr(variable, "constraint", None) is not None:
                raise ValueError(
                    f"`{type(self).__name__}`: `{variable.name}` has a constraint, which would "
                    "move it off the line that is searched. Use a regularizer instead."
                )
            if getattr(variable, "overwrite_with_gradient", False):
                raise ValueError(
                    f"`{type(self).__name__}`: `{variable.name}` is overwritten with its gradient "
                    "(as in float8 training), which a line search cannot follow."
                )
        if (
            keras.backend.backend() == "tensorflow"
            and tf.distribute.get_strategy().num_replicas_in_sync > 1
        ):
            raise ValueError(
                f"`{type(self).__name__}`: does not run on several replicas. Train on one device, "
                "in pieces by `gradient_accumulation_steps`."
            )

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Takes in the gradient at the weights, and moves them to the next trial."""
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        if all(g is None for g in grads) or not self._are_all(trainable_variables):
            raise ValueError(
                f"`{type(self).__name__}`: needs the gradients of all the weights that it was "
                "built with, in one call. For another set of weights make another optimizer."
            )
        g = self._flat.join(grads) / (self.loss_scale_factor or 1.0)
        state = {name: ops.convert_to_tensor(variable) for name, variable in self._state.items()}
        weights = self._flat.read()
        rate = ops.cast(self.learning_rate, g.dtype)
        if self.gradient_accumulation_steps:
            g, summed = g + state.pop("sum"), state.pop("summed") + 1
            complete = summed >= self.gradient_accumulation_steps
            self._state["sum"].assign(ops.where(complete, 0.0, g))
            self._state["summed"].assign(ops.where(complete, 0.0, summed))
            weights, state, skipped = ops.cond(
                complete,
                lambda: self._advance(weights, g / self.gradient_accumulation_steps, rate, state),
                lambda: (weights, state, ops.zeros((), "int32")),
            )
        else:
            weights, state, skipped = self._advance(weights, g, rate, state)
        for name, value in state.items():
            self._state[name].assign(value)
        self._flat.write(weights)
        self.skipped_steps.assign_add(ops.cast(skipped, self.skipped_steps.dtype))
        self._iterations.assign_add(1)

    def _are_all(self, variables: Sequence[Any] | None) -> bool:
        try:
            return variables is None or [self._get_variable_index(v) for v in variables] == list(
                range(len(self._flat.variables))
            )
        except KeyError:
            return False

    def _advance(
        self, weights: Any, g: Any, rate: Any, state: dict[str, Any]
    ) -> tuple[Any, dict[str, Any], Any]:
        """One gradient further: pure. Returns the new weights and state, and 1 for a bad one."""
        point, gradient, direction = state["point"], state["gradient"], state["direction"]
        search, tally = Search(*ops.unstack(state["search"])), _Tally(*ops.unstack(state["tally"]))
        memory = {name: state[name] for name in self.memory(self._flat.size)}

        # What the gradient says. One at a trial that is not finite means: too far.
        finite = ops.isfinite(_norm(g))
        g = ops.where(finite, g, 0.0)
        norm = _norm(g)
        slope = ops.where(finite, ops.sum(g * direction), float("inf"))
        running = search.running > 0
        accepted = running & is_enough(search, slope)
        rejected = running & ~accepted
        further, hopeless = proceed(search, slope)
        hopeless = rejected & hopeless
        # A `fit` begins at the point, where it goes on with the search that the last one left.
        begun = ~running & finite
        same = (search.step > 0) & self._is_at(point, weights)
        same = same & (_norm(g - gradient) <= _SAME_GRADIENT * _norm(gradient))
        moved = accepted | (begun & ~same)

        # What is learned of the curvature.
        s, y = search.step * direction, g - gradient
        safe = accepted & (ops.sum(s * y) > np.finfo(self._flat.dtype).eps * ops.sum(y * y))
        broken = hopeless | (rejected & contradicts(search, slope))
        tally = _count(tally, safe, broken, norm, (s, y), self.last_pair(memory))
        exact = search.step / (1 - slope / search.slope)
        memory = _choose(safe, self.remember(memory, s, y, tally.pairs, exact), memory)

        # Where to search next.
        new_direction, new_slope, curved = self._downhill(memory, tally.pairs, g, norm)
        forget = hopeless | (moved & ~curved)
        memory = _choose(forget, {name: ops.zeros_like(x) for name, x in memory.items()}, memory)
        tally = tally._replace(pairs=ops.where(forget, 0.0, tally.pairs))

        point = ops.where(begun & ~same, weights, point)
        point = ops.where(accepted, point + s, point)
        point = ops.where(hopeless, point + further.low * direction, point)
        gradient = ops.where(moved, g, gradient)
        direction = ops.where(moved, new_direction, direction)
        resumed = search._replace(running=ops.where(begun, 1.0, search.running))
        stage = ops.where(rejected, ops.stack(further), ops.stack(resumed))
        stage = ops.where(moved, ops.stack(begin(rate, new_slope)), stage)
        stage = ops.where(hopeless, 0.0, stage)
        trial = point + Search(*ops.unstack(stage)).step * direction
        state = {
            "point": point,
            "gradient": gradient,
            "direction": direction,
            "search": stage,
            "tally": ops.stack(tally),
            **memory,
        }
        return ops.where(running | begun, trial, weights), state, ops.cast(~finite, "int32")

    def _downhill(
        self, memory: dict[str, Any], pairs: Any, g: Any, norm: Any
    ) -> tuple[Any, Any, Any]:
        """A direction, the slope along it, and whether it knows the curvature."""
        curved = -self.inverse_times(memory, g)
        straight = -g / ops.where(norm > 1, norm, 1.0)
        slope = ops.sum(g * curved)
        usable = (pairs > 0) & ops.isfinite(slope) & (slope <= 0)
        return (
            ops.where(usable, curved, straight),
            ops.where(usable, slope, ops.sum(g * straight)),
            usable,
        )

    def _is_at(self, point: Any, weights: Any) -> Any:
        return ops.all(self._flat.join(self._flat.split(point)) == weights)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Puts the last accepted point into the model, and warns of noise, once."""
        if not self.built:
            return
        search = ops.convert_to_numpy(self._state["search"]).copy()
        if search[Search._fields.index("running")]:
            search[Search._fields.index("running")] = 0
            self._state["search"].assign(search)
            self._flat.write(ops.convert_to_tensor(self._state["point"]))
        if self.gradient_accumulation_steps:  # a sum begun at the trial has no end at the point
            self._state["sum"].assign(ops.zeros(self._flat.size, self._flat.dtype))
            self._state["summed"].assign(0)
        tally = _Tally(*ops.convert_to_numpy(self._state["tally"]))
        few = max(_FEW, _RARE * tally.compared)
        if tally.contradictory > few and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"`{type(self).__name__}`: {tally.contradictory:.0f} of {tally.compared:.0f} pairs "
                "of gradients contradict each other, as if each were of another loss (minibatches, "
                "dropout). It does not transfer well to the mini-batch setting: let every step see "
                "the whole data, in pieces by `gradient_accumulation_steps`, or use `Adam`.",
                stacklevel=2,
            )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**own_config(self), **super().get_config()}


def _count(tally: _Tally, safe: Any, broken: Any, norm: Any, pair: Any, last: Any) -> _Tally:
    """Counts a pair, and whether it contradicts the one before.

    The Hessian H between two steps s and r is symmetric: s.(H r) = r.(H s), but for its change
    on the way. Differences of gradients of two losses know nothing of that.
    """
    (s, y), (r, z) = pair, last
    asymmetry = ops.abs(ops.sum(r * y) - ops.sum(s * z))
    size = ops.sqrt(ops.abs(ops.sum(s * y) * ops.sum(r * z)))
    largest = ops.where(norm > tally.largest, norm, tally.largest)
    compared = (broken | safe & (tally.pairs > 0)) & (norm > _FLOOR * largest)
    contradictory = compared & (broken | (asymmetry > _ASYMMETRY * size))
    increments = (ops.cast(x, norm.dtype) for x in (compared, contradictory))
    return _Tally(
        tally.pairs + ops.cast(safe, norm.dtype),
        largest,
        *(old + new for old, new in zip(tally[2:], increments, strict=True)),
    )


def _norm(x: Any) -> Any:
    # In float64, `ops.norm` answers in float32 on JAX, as `ops.maximum` does on torch.
    return ops.sqrt(ops.sum(ops.square(x)))


def _choose(condition: Any, new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {name: ops.where(condition, new[name], x) for name, x in old.items()}
