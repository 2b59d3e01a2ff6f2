"""What every optimizer of the kit does about its variables and theirs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.groups import assign_all
from keras_trainkit.optimizers.precision import rule_dtype


def path_of(variable: Any) -> str:
    """The path of a variable in its model; a `tf.Variable` has a name only."""
    return getattr(variable, "path", variable.name)


def outside_graphs() -> AbstractContextManager[Any]:
    """Where to assign at once, even in a first call inside of a `tf.function`."""
    return tf.init_scope() if keras.backend.backend() == "tensorflow" else nullcontext()


class StateKeeper(keras.optimizers.Optimizer):
    """A Keras optimizer that a state can be loaded into before it is built.

    Keras skips such a state with a warning, so that `load_weights` before the first step loses
    it. Here it waits for the variables.
    """

    _loaded: tuple[Any, ...] = ()

    def _use_loaded(self) -> None:
        """To be called at the end of `build`."""
        if self._loaded:
            with outside_graphs():
                self.load_own_variables({str(i): x for i, x in enumerate(self._loaded)})
            self._loaded = ()

    def _refuse_others(self, variables: Sequence[Any]) -> None:
        """To be called by `build` where the optimizer is built already."""
        for variable in variables:
            try:
                self._get_variable_index(variable)
            except KeyError:
                raise ValueError(
                    f"`{type(self).__name__}`: the variables must be those of the first step, got "
                    f"another one, {path_of(variable)!r}. Compile the model with a new optimizer."
                ) from None

    @property
    def stored(self) -> list[Any]:
        """What is saved, in order: variables, and parts of them."""
        return self.variables

    def save_own_variables(self, store: Any) -> None:
        """Writes the state; one that was loaded and not yet used is handed on."""
        values = self._loaded or (variable.numpy() for variable in self.stored)
        for i, value in enumerate(values):
            store[str(i)] = value

    def load_own_variables(self, store: Any) -> None:
        """Sets the state; before the optimizer is built it is kept until there are variables."""
        stored, count = self.stored, len(store.keys())
        if count == len(stored):
            assign_all((place, store[str(i)]) for i, place in enumerate(stored))
        elif self.built:
            warnings.warn(
                f"`{type(self).__name__}`: the saved state has {count} arrays, not {len(stored)}: "
                "it is that of other variables or another optimizer, and was left.",
                stacklevel=2,
            )
        else:
            self._loaded = tuple(np.array(store[str(i)]) for i in range(count))

    def weight(self, variable: Any) -> Any:
        """The weights that a variable stands for, in the dtype to compute in."""
        return ops.cast(variable, rule_dtype(variable))

    def assign_weight(self, variable: Any, value: Any) -> None:
        """Sets the weights that a variable stands for."""
        self.assign(variable, value)
