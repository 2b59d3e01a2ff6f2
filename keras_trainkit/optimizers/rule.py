"""The base of the optimizers whose update of a weight is a formula.

A member names its `slots` and states its formula as two pure functions: what it remembers, and
the step that it makes of it. All that touches variables is here, once: building, casting, low
precision, weight decay, skipped steps, saving. Clipping, averaging (EMA), gradient accumulation
and loss scaling are Keras' own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.arguments import boolean, integer, number, probability
from keras_trainkit._core.config import own_config
from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.precision import rule_dtype, split
from keras_trainkit.optimizers.skipping import are_finite, should_select

_KERAS_ARGUMENTS: dict[str, Callable[..., Any]] = {
    "weight_decay": partial(number, minimum=0.0),
    "clipnorm": partial(number, above=0.0),
    "clipvalue": partial(number, above=0.0),
    "global_clipnorm": partial(number, above=0.0),
    "use_ema": boolean,
    "ema_momentum": probability,
    "ema_overwrite_frequency": partial(integer, minimum=1),
    "loss_scale_factor": partial(number, above=0.0),
    "gradient_accumulation_steps": partial(
        integer, minimum=2, cure="Leave it out to update at every step."
    ),
}


@dataclass(frozen=True)
class _Target:
    """A variable of the model, and what the optimizer keeps for it."""

    variable: Any
    dtype: str  # that of the rule and of its slots
    slots: tuple[Any, ...]
    residual: Any | None
    decays: bool

    @property
    def own(self) -> tuple[Any, ...]:
        """All that no one else assigns."""
        return self.slots if self.residual is None else (*self.slots, self.residual)


@dataclass(frozen=True)
class _Moment:
    """What holds for all variables during one step."""

    hoisted: dict[str, tuple[tuple[Any, ...], Any]]  # by dtype: the scalars, and the share to decay
    finite: Any | None  # where a skipped step selects the old values


class RuleOptimizer(keras.optimizers.Optimizer):
    """A Keras optimizer made of `slots`, `remember` and `step`.

    **Low precision.** Where a variable is bfloat16 or float16 the rule and its slots are float32,
    and one more slot in the variable's dtype, the residual, holds what rounding cut off: the
    weight is variable + residual. Steps far below the spacing of the variable's numbers add up
    there instead of being lost, weight decay included.

    **Non-finite gradients.** A step with a NaN or an infinity in any gradient (or with a gradient
    whose sum overflows) is skipped as if it had never been: weights, slots, clock, averages and
    accumulated gradients stay as they are, and `skipped_steps`, a variable that is saved with the
    state, counts it.

    Sparse gradients (`tf.IndexedSlices` of an embedding) are made dense.

    Args:
        learning_rate: A number of at least 0, a `LearningRateSchedule`, or a function without
            arguments.
        **kwargs: Those of `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If an argument is out of its range.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, learning_rate: Any, **kwargs: Any) -> None:
        if not callable(learning_rate):  # a schedule is callable, too
            learning_rate = number(self, "learning_rate", learning_rate, minimum=0.0)
        for name, check in _KERAS_ARGUMENTS.items():
            if kwargs.get(name) is not None:
                kwargs[name] = check(self, name, kwargs[name])
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.skipped_steps = self.add_variable(
            (), dtype="int", aggregation="only_first_replica", name="skipped_steps"
        )
        self._undecayed: dict[str, list[str]] = {}
        self._targets: tuple[_Target, ...] = ()
        self._moment = _Moment({}, None)
        self._loaded: tuple[Any, ...] = ()

    def scalars(self, a: Any, t: Any) -> tuple[Any, ...]:
        """What the formula needs of the rate `a` and the step `t`: computed once a step.

        Args:
            a: The learning rate, a scalar tensor of the rule's dtype.
            t: The number of the step, counted from 1, of the same dtype.

        Returns:
            Scalars, handed to `remember` and `step`; a and t themselves unless overridden.
        """
        return a, t

    def remember(self, g: Any, w: Any, *scalars_and_slots: Any) -> tuple[Any, ...]:
        """The new slots of one variable: a pure function of tensors of one dtype.

        Args:
            g: The gradient.
            w: The weights.
            *scalars_and_slots: What `scalars` returned, then one tensor for each of `slots`.

        Returns:
            One tensor for each of `slots`.
        """
        return ()

    def step(self, g: Any, w: Any, *scalars_and_slots: Any) -> Any:
        """What is to be subtracted from the weights, given the new slots: pure, too."""
        raise NotImplementedError

    def rule(self, g: Any, w: Any, a: Any, t: Any, *slots: Any) -> tuple[Any, tuple[Any, ...]]:
        """One update of one variable, as a pure function: the step and the new slots."""
        scalars = self.scalars(a, t)
        slots = self.remember(g, w, *scalars, *slots)
        return self.step(g, w, *scalars, *slots), slots

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the slots of each variable, and fills them where a state was loaded before."""
        if self.built:
            return
        super().build(variables)
        self._targets = tuple(self._target(variable) for variable in variables)
        if self._loaded:
            # A first call inside of a `tf.function` must not load again with every step.
            with tf.init_scope() if keras.backend.backend() == "tensorflow" else nullcontext():
                super().load_own_variables({str(i): x for i, x in enumerate(self._loaded)})
            self._loaded = ()

    def _target(self, variable: Any) -> _Target:
        stored, dtype = keras.backend.standardize_dtype(variable.dtype), rule_dtype(variable)
        if getattr(variable, "overwrite_with_gradient", False):  # Keras assigns it by itself
            return _Target(variable, dtype, (), None, decays=False)
        return _Target(
            variable,
            dtype,
            slots=tuple(self._slot(variable, name, dtype) for name in self.slots),
            residual=self._slot(variable, "residual", stored) if dtype != stored else None,
            decays=not self._is_undecayed(variable),
        )

    def _slot(self, variable: Any, name: str, dtype: str) -> Any:
        if dtype == keras.backend.standardize_dtype(variable.dtype):
            return self.add_variable_from_reference(variable, name=name)
        distribution = keras.distribution.distribution()
        return self.add_variable(
            variable.shape,
            dtype=dtype,
            layout=distribution and distribution.get_variable_layout(variable),
            name=f"{_path(variable).replace('/', '_')}_{name}",
        )

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Moves the variables against the gradients, or skips the step if one is not finite."""
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)  # no variable can be born inside of a condition
        grads = [_dense(g) for g in grads]
        if all(g is None for g in grads):
            super().apply(grads, trainable_variables)  # Keras says what is wrong
            return
        finite = are_finite(grads)
        if should_select():
            self._take_and_select(finite, grads, trainable_variables)
        else:
            ops.cond(finite, lambda: self._take(grads, trainable_variables), self._skip)

    def _take(
        self, grads: Sequence[Any], variables: Sequence[Any] | None, finite: Any | None = None
    ) -> None:
        dtypes = {target.dtype for target in self._targets}
        hoisted = {dtype: self._hoist(self.learning_rate, dtype) for dtype in dtypes}
        self._moment = _Moment(hoisted, finite)
        try:
            super().apply(grads, variables)
        finally:
            self._moment = _Moment({}, None)

    def _skip(self) -> None:
        self.skipped_steps.assign_add(1)

    def _take_and_select(
        self, finite: Any, grads: Sequence[Any], variables: Sequence[Any] | None
    ) -> None:
        # `update_step` selects the slots: there XLA can make the step of what it has stored.
        selected = {id(slot) for target in self._targets for slot in target.own}
        everything = self.variables + [target.variable for target in self._targets]
        others = [variable for variable in everything if id(variable) not in selected]
        before = [ops.copy(variable) for variable in others]
        self._take(grads, variables, finite)
        for variable, old in zip(others, before, strict=True):
            self.assign(variable, ops.where(finite, ops.copy(variable), old))
        skipped = ops.cast(ops.logical_not(finite), self.skipped_steps.dtype)
        self.skipped_steps.assign_add(skipped)

    def _hoist(self, learning_rate: Any, dtype: str) -> tuple[tuple[Any, ...], Any]:
        a = ops.cast(learning_rate, dtype)
        t = ops.cast(self.iterations, dtype) + 1
        return self.scalars(a, t), a * (self.weight_decay or 0.0)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Applies the rule to one variable."""
        target = self._targets[self._get_variable_index(variable)]
        dtype, finite = target.dtype, self._moment.finite
        scalars, decay = self._moment.hoisted.get(dtype) or self._hoist(learning_rate, dtype)
        g, w = ops.cast(gradient, dtype), ops.cast(variable, dtype)
        if target.residual is not None:
            w = w + ops.cast(target.residual, dtype)
        old = tuple(ops.cast(slot, dtype) for slot in target.slots)
        new = self.remember(g, w, *scalars, *old)
        if finite is not None:
            new = tuple(ops.where(finite, x, y) for x, y in zip(new, old, strict=True))
        for slot, value in zip(target.slots, new, strict=True):
            self.assign(slot, value)
        step = self.step(g, w, *scalars, *new)
        if self.weight_decay and target.decays:
            step = step + decay * w
        if target.residual is None:
            self.assign_sub(variable, step)
            return
        rounded, rest = split(w - step, target.residual.dtype)
        if finite is not None:
            rest = ops.where(finite, rest, ops.copy(target.residual))
        self.assign(variable, rounded)
        self.assign(target.residual, rest)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Nothing: a decay of its own would round each weight once more, past the residual."""

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Keeps some variables from weight decay; unlike Keras', the choice survives the config.

        Args:
            var_list: Variables; the config remembers them by their paths.
            var_names: Regular expressions, such as `"bias"`: variables are left out in whose
                name one is found.

        Raises:
            ValueError: If the optimizer is built already.
        """
        if self.built:
            raise ValueError(
                f"`{type(self).__name__}`: `exclude_from_weight_decay` must be called before "
                "the optimizer is built, that is before the first step."
            )
        self._undecayed = {
            "paths": [_path(variable) for variable in var_list or ()],
            "names": list(var_names or ()),
        }

    def _is_undecayed(self, variable: Any) -> bool:
        names = self._undecayed.get("names", ())
        return _path(variable) in self._undecayed.get("paths", ()) or any(
            re.search(name, variable.name) for name in names
        )

    def save_own_variables(self, store: Any) -> None:
        """Writes the state; one that was loaded and not yet used is handed on."""
        if not self._loaded:
            super().save_own_variables(store)
        for i, value in enumerate(self._loaded):
            store[str(i)] = value

    def load_own_variables(self, store: Any) -> None:
        """Sets the state; before the optimizer is built it is kept until there are variables."""
        if self.built or len(store.keys()) == len(self.variables):
            super().load_own_variables(store)
        else:
            self._loaded = tuple(np.array(store[str(i)]) for i in range(len(store.keys())))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the exclusions from weight decay."""
        config = {**own_config(self), **super().get_config()}
        if self._undecayed:
            config["excluded_from_weight_decay"] = {k: list(v) for k, v in self._undecayed.items()}
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> RuleOptimizer:
        """An optimizer from its config."""
        config = dict(config)
        undecayed = config.pop("excluded_from_weight_decay", {})
        optimizer = super().from_config(config, custom_objects)
        optimizer._undecayed = undecayed
        return optimizer


def _path(variable: Any) -> str:
    return getattr(variable, "path", variable.name)  # a `tf.Variable` has no path


def _dense(gradient: Any) -> Any:
    if keras.backend.backend() == "tensorflow" and isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient
