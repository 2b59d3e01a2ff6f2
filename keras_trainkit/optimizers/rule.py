"""The base of the optimizers whose update of a weight is a formula.

A member names its `slots` and states its formula as two pure functions: what it remembers, and
the step that it makes of it. All that touches variables is here, once: building, casting, low
precision, weight decay, skipped steps, sparse rows, saving. Clipping, averaging (EMA), gradient
accumulation and loss scaling are Keras' own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_trainkit._core.arguments import boolean, integer, number, one_of, probability, refuse
from keras_trainkit._core.config import own_config
from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.flat import Flat
from keras_trainkit.optimizers.groups import Group, alike, assign_all
from keras_trainkit.optimizers.precision import rule_dtype, split
from keras_trainkit.optimizers.rows import gathered, summed_rows
from keras_trainkit.optimizers.skipping import are_finite, choose, should_select
from keras_trainkit.optimizers.sparse import dense, is_sparse
from keras_trainkit.optimizers.state import StateKeeper, outside_graphs, path_of

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


class Layer(NamedTuple):
    """What is set for one variable, where a formula asks for it."""

    weight_decay: float  # 0 where there is none, or where the gradient has it already
    is_adapted: bool


@dataclass(frozen=True)
class _Target:
    """A variable of the model, and what the optimizer keeps for it."""

    variable: Any
    dtype: str  # that of the rule and of its slots
    slots: tuple[Any, ...]
    residual: Any | None
    decays: bool
    is_adapted: bool
    group: Group | None = None

    @property
    def vectors(self) -> tuple[Any, ...]:
        """What its slots lie in, if they share it."""
        return () if self.group is None else self.group.slots

    @property
    def own(self) -> tuple[Any, ...]:
        """All that no one else assigns."""
        return self.slots if self.residual is None else (*self.slots, self.residual)


@dataclass(frozen=True)
class _Moment:
    """What holds for all variables during one step."""

    hoisted: dict[str, tuple[tuple[Any, ...], Any]]  # by dtype: the scalars, and the share to decay
    finite: Any | None  # where a skipped step selects the old values
    awaited: Counter[int] | None = None  # by a group's id: how many gradients it gets
    waiting: dict[int, dict[int, Any]] = field(default_factory=dict)  # those until all are there


class RuleOptimizer(StateKeeper):
    """A Keras optimizer made of `slots`, `remember` and `step`.

    **Low precision.** Where a variable is bfloat16 or float16 the rule and its slots are float32,
    and one more slot in the variable's dtype, the residual, holds what rounding cut off: the
    weight is variable + residual. Steps far below the spacing of the variable's numbers add up
    there instead of being lost, weight decay included.

    **Non-finite gradients.** A step with a NaN or an infinity in any gradient (or with a gradient
    whose sum overflows) is skipped as if it had never been: weights, slots, clock, averages and
    accumulated gradients stay as they are, and `skipped_steps`, a variable that is saved with the
    state, counts it.

    **Weight decay.** `"decoupled"`: x -= a lambda x beside the step, as in AdamW (an optimizer
    that is `layerwise` puts it where its paper does). `"coupled"`: lambda x is added to the
    gradient after clipping, as an L2 penalty of lambda |x|^2 / 2 would, so that momentum and
    second moments see it.

    **Small variables.** Those of at most 8,192 weights that are alike (dtype, decayed or not) are
    updated as one vector, in which their slots lie one after the other: a step costs some
    operations then, not some for each variable. Results and saved state are the same to the bit
    (within what a compiler may fuse). Left alone is what is `layerwise`, not `elementwise`, moved
    `by_rows` or without slots, where joining costs more than it saves, and all variables under
    `keras.distribution` and `tf.distribute`.

    Sparse gradients (`tf.IndexedSlices` of an embedding) are made dense, unless `by_rows`.

    Args:
        learning_rate: A number of at least 0, a `LearningRateSchedule`, or a function without
            arguments.
        weight_decay_form: `"decoupled"` or `"coupled"`. Defaults to `"decoupled"`.
        **kwargs: Those of `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If an argument is out of its range.
    """

    slots: tuple[str, ...] = ()
    scalar_slots: tuple[str, ...] = ()
    """Those of the slots that hold one number for a variable."""
    elementwise = True
    """Whether the update of a number depends on no other, so that variables may be joined."""
    layerwise = False
    """Whether `remember` and `step` take a `Layer` before the scalars, and decay by themselves."""
    by_rows = False
    """Whether a sparse gradient moves the rows that it names, and no other."""
    exclude_from_layer_adaptation: tuple[str, ...] | None = None
    """Regular expressions of names; None means the variables that are not decayed."""

    def __init__(
        self, learning_rate: Any, *, weight_decay_form: str = "decoupled", **kwargs: Any
    ) -> None:
        if not callable(learning_rate):  # a schedule is callable, too
            learning_rate = number(self, "learning_rate", learning_rate, minimum=0.0)
        for name, check in _KERAS_ARGUMENTS.items():
            if kwargs.get(name) is not None:
                kwargs[name] = check(self, name, kwargs[name])
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.skipped_steps = self.add_variable(
            (), dtype="int", aggregation="only_first_replica", name="skipped_steps"
        )
        self.weight_decay_form = one_of(
            self, "weight_decay_form", weight_decay_form, ("decoupled", "coupled")
        )
        self._undecayed: dict[str, Any] = {}
        self._targets: tuple[_Target, ...] = ()
        self._moment = _Moment({}, None)

    def initial(self, slot: str, variable: Any) -> Any:
        """What a slot holds before the first step: a number, or a tensor of its shape."""
        return 0.0

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
        if self.layerwise:
            scalars = (Layer(self.weight_decay or 0.0, is_adapted=True), *scalars)
        slots = self.remember(g, w, *scalars, *slots)
        return self.step(g, w, *scalars, *slots), slots

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the slots of each variable, and fills them where a state was loaded before."""
        if self.built:
            self._refuse_others(variables)
            return
        super().build(variables)
        groups = self._groups(variables)
        self._targets = tuple(
            self._target(i, variable, groups.get(i)) for i, variable in enumerate(variables)
        )
        with outside_graphs():
            assign_all(self._beginnings())
        self._use_loaded()

    def _beginnings(self) -> Iterator[tuple[Any, Any]]:
        """The slots that do not start from zero, and what they start from."""
        for target in self._targets:
            for name, slot in zip(self.slots, target.slots, strict=False):
                value = self.initial(name, target.variable)
                if not isinstance(value, float):
                    yield slot, ops.copy(ops.cast(value, target.dtype))
                elif value:
                    yield slot, ops.full(slot.shape, value, target.dtype)

    def _groups(self, variables: Sequence[Any]) -> dict[int, Group]:
        """The groups of small variables, for the index of each."""
        if self.layerwise or self.by_rows or not self.elementwise or not self.slots:
            return {}
        kinds = [
            None if _is_overwritten(v) else (v.dtype, self._is_undecayed(v)) for v in variables
        ]
        groups = {}
        for indices in alike(variables, kinds):
            flat = Flat(tuple(variables[i] for i in indices))
            slots = tuple(
                self.add_variable((flat.size,), dtype=flat.dtype, name=f"small_{name}")
                for name in self.slots
            )
            groups.update(dict.fromkeys(indices, Group(tuple(indices), flat, slots)))
        return groups

    def _target(self, index: int, variable: Any, group: Group | None) -> _Target:
        stored, dtype = keras.backend.standardize_dtype(variable.dtype), rule_dtype(variable)
        if _is_overwritten(variable):
            return _Target(variable, dtype, (), None, decays=False, is_adapted=False)
        decays = not self._is_undecayed(variable)
        unadapted = self.exclude_from_layer_adaptation
        return _Target(
            variable,
            dtype,
            slots=tuple(self._slot(variable, name, dtype) for name in self.slots)
            if group is None
            else group.parts(index),
            residual=self._slot(variable, "residual", stored) if dtype != stored else None,
            decays=decays,
            is_adapted=decays if unadapted is None else not _is_named(variable, unadapted),
            group=group,
        )

    def _slot(self, variable: Any, name: str, dtype: str) -> Any:
        scalar = name in self.scalar_slots
        if not scalar and dtype == keras.backend.standardize_dtype(variable.dtype):
            return self.add_variable_from_reference(variable, name=name)
        distribution = keras.distribution.distribution()
        return self.add_variable(
            () if scalar else variable.shape,
            dtype=dtype,
            layout=None if scalar else distribution and distribution.get_variable_layout(variable),
            name=f"{path_of(variable).replace('/', '_')}_{name}",
        )

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Moves the variables against the gradients, or skips the step if one is not finite."""
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)  # no variable can be born inside of a condition
        grads = [g if self._moves_rows(g) else dense(g) for g in grads]
        if all(g is None for g in grads):
            super().apply(grads, trainable_variables)  # Keras says what is wrong
            return
        finite = are_finite([g.values if is_sparse(g) else g for g in grads])
        if should_select(finite):
            self._take_and_select(finite, grads, trainable_variables)
        else:
            choose(finite, lambda: self._take(grads, trainable_variables), self._skip)

    def _take(
        self, grads: Sequence[Any], variables: Sequence[Any] | None, finite: Any | None = None
    ) -> None:
        dtypes = {target.dtype for target in self._targets}
        hoisted = {dtype: self._hoist(self.learning_rate, dtype) for dtype in dtypes}
        everything = self._trainable_variables if variables is None else variables
        awaited = Counter(
            id(self._targets[self._get_variable_index(v)].group)
            for g, v in zip(grads, everything, strict=False)
            if g is not None
        )
        self._moment = _Moment(hoisted, finite, awaited)
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
        selected = {id(x) for target in self._targets for x in (*target.own, *target.vectors)}
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
        """Applies the rule to one variable, or to those of its rows that the gradient names.

        Of a group the last variable moves them all; the gradients of the others wait for it.
        """
        index = self._get_variable_index(variable)
        group, moment = self._targets[index].group, self._moment
        if group is None:
            self._move_one(gradient, variable, self._targets[index], learning_rate)
            return
        waiting = moment.waiting.setdefault(id(group), {})
        waiting[index] = gradient
        if moment.awaited is None or len(waiting) == moment.awaited[id(group)]:
            self._move_group(moment.waiting.pop(id(group)), group, learning_rate)

    def _move_one(self, gradient: Any, variable: Any, target: _Target, learning_rate: Any) -> None:
        rows = None
        if is_sparse(gradient):
            rows, gradient = summed_rows(gradient)

        def read(x: Any) -> Any:
            return ops.cast(x if rows is None else gathered(x, rows), target.dtype)

        def write(x: Any, value: Any) -> None:
            self.assign(x, value if rows is None else tf.IndexedSlices(value, rows))

        w = read(variable)
        if target.residual is not None:
            w = w + read(target.residual)
        old, finite = tuple(read(slot) for slot in target.slots), self._moment.finite
        new, step = self._update(gradient, w, old, target, learning_rate, finite)
        for slot, value in zip(target.slots, new, strict=True):
            write(slot, value)
        if target.residual is None:
            if rows is None:
                self.assign_sub(variable, step)
            else:
                write(variable, w - step)
            return
        rounded, rest = split(w - step, target.residual.dtype)
        if finite is not None:
            kept = ops.copy(target.residual) if rows is None else gathered(target.residual, rows)
            rest = ops.where(finite, rest, kept)
        write(variable, rounded)
        write(target.residual, rest)

    def _move_group(self, gradients: dict[int, Any], group: Group, learning_rate: Any) -> None:
        flat, targets = group.flat, [self._targets[i] for i in group.indices]
        finite = keep = self._moment.finite
        if len(gradients) < len(targets):
            mask = ops.convert_to_tensor(group.mask(gradients))
            keep = mask if finite is None else ops.logical_and(mask, finite)
        g, w = flat.join([gradients.get(i) for i in group.indices]), flat.read()
        residuals = [target.residual for target in targets if target.residual is not None]
        if residuals:
            kept = flat.join(residuals)
            w = w + kept
        old = tuple(ops.convert_to_tensor(slot) for slot in group.slots)
        new, step = self._update(g, w, old, targets[0], learning_rate, keep)
        for slot, value in zip(group.slots, new, strict=True):
            self.assign(slot, value)
        writes: list[tuple[Any, Any, Any]] = [(self.assign_sub, flat.variables, step)]
        if residuals:
            rounded, rest = split(w - step, residuals[0].dtype)
            if finite is not None:
                rest = ops.where(finite, ops.cast(rest, kept.dtype), kept)
            writes = [(self.assign, flat.variables, rounded), (self.assign, residuals, rest)]
        for write, variables, vector in writes:
            parts = zip(group.indices, variables, flat.split(vector), strict=True)
            for i, variable, part in parts:
                if i in gradients:
                    write(variable, part)

    def _update(
        self, g: Any, w: Any, old: tuple[Any, ...], target: _Target, learning_rate: Any, keep: Any
    ) -> tuple[tuple[Any, ...], Any]:
        """The new slots, the old ones where `keep` is not, and the step."""
        dtype = target.dtype
        scalars, decay = self._moment.hoisted.get(dtype) or self._hoist(learning_rate, dtype)
        weight_decay = (self.weight_decay or 0.0) if target.decays else 0.0
        coupled = self.weight_decay_form == "coupled"
        if self.layerwise:
            scalars = (Layer(0.0 if coupled else weight_decay, target.is_adapted), *scalars)
        g = ops.cast(g, dtype)
        if weight_decay and coupled:
            g = g + weight_decay * w
        new = self.remember(g, w, *scalars, *old)
        if keep is not None:
            new = tuple(ops.where(keep, x, y) for x, y in zip(new, old, strict=True))
        step = self.step(g, w, *scalars, *new)
        if weight_decay and not coupled and not self.layerwise:
            step = step + decay * w
        return new, step

    def weight(self, variable: Any) -> Any:
        """The weights in full precision: the variable and its residual."""
        target = self._targets[self._get_variable_index(variable)]
        w = ops.cast(variable, target.dtype)
        return w if target.residual is None else w + ops.cast(target.residual, target.dtype)

    def assign_weight(self, variable: Any, value: Any) -> None:
        """Sets the variable and its residual."""
        residual = self._targets[self._get_variable_index(variable)].residual
        if residual is not None:
            value, rest = split(value, residual.dtype)
            self.assign(residual, rest)
        self.assign(variable, value)

    @property
    def stored(self) -> list[Any]:
        """All that is saved; the slots of each variable by themselves, whatever they lie in."""
        own = [x for target in self._targets for x in target.own]
        taken = {id(x) for x in own} | {id(x) for t in self._targets for x in t.vectors}
        return [x for x in self.variables if id(x) not in taken] + own

    def _moves_rows(self, gradient: Any) -> bool:
        """Whether a gradient stays sparse: what Keras does to gradients takes dense ones."""
        return (
            self.by_rows
            and is_sparse(gradient)
            and not self.loss_scale_factor
            and not self.gradient_accumulation_steps
            and not (self.clipnorm or self.clipvalue or self.global_clipnorm)
        )

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Nothing: a decay of its own would round each weight once more, past the residual."""

    def exclude_from_weight_decay(
        self,
        var_list: Sequence[Any] | None = None,
        var_names: Sequence[str] | None = None,
        predicate: Callable[[Any], bool] | None = None,
    ) -> None:
        """Keeps some variables from weight decay; unlike Keras', the choice survives the config.

        Args:
            var_list: Variables; the config remembers them by their paths.
            var_names: Regular expressions, such as `"bias"`: variables are left out in whose
                name one is found.
            predicate: A function of a variable that is True of those to leave out, registered
                with `keras.saving.register_keras_serializable`, so that a config can name it.

        Raises:
            ValueError: If the optimizer is built already, or the predicate is not registered.
        """
        if self.built:
            raise ValueError(
                f"`{type(self).__name__}`: `exclude_from_weight_decay` must be called before "
                "the optimizer is built, that is before the first step."
            )
        if predicate is not None:
            name = keras.saving.get_registered_name(predicate)
            if keras.saving.get_registered_object(name) is not predicate:
                refuse(
                    self,
                    "predicate",
                    "be a function that a config can name",
                    predicate,
                    "Register it with `keras.saving.register_keras_serializable`.",
                )
        self._undecayed = {
            "paths": [path_of(variable) for variable in var_list or ()],
            "names": list(var_names or ()),
            "predicate": predicate,
        }

    def _is_undecayed(self, variable: Any) -> bool:
        predicate = self._undecayed.get("predicate")
        return (
            path_of(variable) in self._undecayed.get("paths", ())
            or _is_named(variable, self._undecayed.get("names", ()))
            or (predicate is not None and bool(predicate(variable)))
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the exclusions from weight decay."""
        config = {**own_config(self), **super().get_config()}
        if self._undecayed:
            predicate = self._undecayed["predicate"]
            config["excluded_from_weight_decay"] = {
                "paths": list(self._undecayed["paths"]),
                "names": list(self._undecayed["names"]),
                "predicate": predicate and keras.saving.serialize_keras_object(predicate),
            }
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> RuleOptimizer:
        """An optimizer from its config."""
        config = dict(config)
        undecayed = dict(config.pop("excluded_from_weight_decay", {}))
        if undecayed.get("predicate"):
            undecayed["predicate"] = keras.saving.deserialize_keras_object(
                undecayed["predicate"], custom_objects=custom_objects
            )
        optimizer = super().from_config(config, custom_objects)
        optimizer._undecayed = undecayed
        return optimizer


def _is_overwritten(variable: Any) -> bool:
    return getattr(variable, "overwrite_with_gradient", False)  # Keras assigns it by itself


def _is_named(variable: Any, names: Sequence[str]) -> bool:
    return any(re.search(name, variable.name) for name in names)
