"""Trains a model at rates that are told, and leaves it as it was."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.kept_chance import kept_chance
from keras_trainkit.callbacks._batches import Batch

_INNER = ("inner_optimizer", "optimizer")  # what wrappers call theirs


class RateRuns:
    """A model in training with a copy of its optimizer, whose rate is a number to set.

    A schedule cannot be overwritten, and a rate that was can lose what it held: so the model's
    own optimizer is put aside, untouched, and its train function with it. On leaving, by an
    exception or Ctrl-C too, both come back, and weights, moving statistics, seeds and metrics
    with them.

    Args:
        owner: The name of the function, for refusals.
        model: A compiled model.
        batch: What it is built with.
    """

    def __init__(self, owner: str, model: keras.Model, batch: Batch) -> None:
        self._owner = owner
        self._model = model
        self._optimizer = copy_with_rate(owner, model.optimizer)
        if not model.built:
            with keras.StatelessScope():  # else the seeds move on
                model(batch.x)
        self._aside = {
            name: getattr(model, name)
            for name in ("optimizer", "train_function", "test_function", "steps_per_execution")
        }
        self._found = self._values()
        self._chance = kept_chance()

    def __enter__(self) -> RateRuns:
        self._chance.__enter__()
        try:
            self._model.optimizer = self._optimizer
            self._model.train_function = self._model.test_function = None
            self._model.steps_per_execution = 1  # else a rate would hold for several batches
            self._optimizer.build(self._model.trainable_variables)
            self._start = self._values()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if hasattr(self._model, "jax_state_sync"):  # an interrupted step holds it outside
                with suppress(RuntimeError):  # or has given it away
                    self._model.jax_state_sync()
            self._model.reset_metrics()  # those that have been built meanwhile, too
            _assign(self._found)
        finally:  # after a second Ctrl-C, too
            for name, value in self._aside.items():
                setattr(self._model, name, value)
            self._chance.__exit__(None, None, None)

    def restart(self) -> None:
        """Back to the start: weights, moving statistics, seeds and the optimizer's state."""
        _assign(self._start)

    def step(self, rate: float, batch: Batch) -> float:
        """The loss of the batch, before the step that it makes at this rate."""
        self._optimizer.learning_rate = rate
        return self._loss(self._model.train_on_batch(*batch, return_dict=True))

    def refuse_strangers(self) -> None:
        """Refuses a model whose steps are another optimizer's."""
        start = {id(variable): value for variable, value in self._start}
        moved = any(
            not np.array_equal(ops.convert_to_numpy(variable), start[id(variable)])
            for variable in self._model.trainable_variables
        )
        if moved and not int(self._optimizer.iterations):
            rule = "train with `model.optimizer`"
            what = f"a `train_step` of {type(self._model).__name__} that takes no step of it"
            arguments.refuse(self._owner, "model", rule, what)

    def evaluate(self, batches: Sequence[Batch]) -> float:
        """The mean loss over rows, as `evaluate` has it."""
        total = math.fsum(
            batch.rows * self._loss(self._model.test_on_batch(*batch, return_dict=True))
            for batch in batches
        )
        return total / sum(batch.rows for batch in batches)

    def _loss(self, logs: Any) -> float:
        if "loss" not in logs:
            rule = "have 'loss' in the logs of its steps"
            arguments.refuse(self._owner, "model", rule, sorted(logs))
        return float(logs["loss"])

    def _values(self) -> list[tuple[Any, np.ndarray]]:
        model = self._model
        variables = [*model.variables, *model.metrics_variables]
        for layer in model._flatten_layers():  # no public name finds those inside of other layers
            states = keras.tree.flatten(getattr(layer, "states", None))  # of a stateful RNN
            variables += [state for state in states if isinstance(state, keras.Variable)]
        for optimizer in _optimizers_in(vars(model)):  # a GAN has its own
            if optimizer is not self._aside["optimizer"]:  # which takes no step
                variables += optimizer.variables
        different = {id(variable): variable for variable in variables}.values()
        # Copies: on JAX an array may share the variable's memory, which a step gives away.
        return [(variable, np.array(ops.convert_to_numpy(variable))) for variable in different]


def copy_with_rate(owner: str, optimizer: Any) -> Any:
    """A new optimizer of the same settings, its own or the wrapped one's rate being a number."""
    if optimizer is None:
        arguments.refuse(owner, "model", "be compiled with an optimizer", "none")
    config, known = optimizer.get_config(), {}
    name = next((n for n in _INNER if n in config), None)
    if name is not None:
        inner = copy_with_rate(owner, getattr(optimizer, name))
        config[name] = keras.saving.serialize_keras_object(inner)
        known[type(inner).__name__] = type(inner)
    elif "learning_rate" in config:
        config["learning_rate"] = 1e-3
    else:
        rule = "have an optimizer with a learning rate"
        arguments.refuse(owner, "model", rule, type(optimizer).__name__)
    try:
        with keras.saving.custom_object_scope(known):
            copy = type(optimizer).from_config(config)
    except Exception as error:
        rule = "have an optimizer that its config makes again"
        what = f"{type(optimizer).__name__}: {type(error).__name__}: {error}"
        arguments.refuse(owner, "model", rule, what, "Let `get_config` hold all of its arguments.")
    _exclude_alike(optimizer, copy)
    return copy


def _exclude_alike(old: Any, new: Any) -> None:
    """Excludes from weight decay what the other one does: no config and no public name tells."""
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(old, name):
            setattr(new, name, getattr(old, name))
    for name in _INNER:
        if hasattr(old, name):
            _exclude_alike(getattr(old, name), getattr(new, name))


def _optimizers_in(held: Any) -> Iterator[keras.optimizers.Optimizer]:
    """Also those in lists and dictionaries."""
    if isinstance(held, keras.optimizers.Optimizer):
        yield held
    elif isinstance(held, dict | list | tuple):
        for part in held.values() if isinstance(held, dict) else held:
            yield from _optimizers_in(part)


def _assign(values: Sequence[tuple[Any, np.ndarray]]) -> None:
    for variable, value in values:
        variable.assign(value)
