"""The averaged weights in the model, for a while."""

from __future__ import annotations

import sys
from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit.optimizers.averaging import AveragingOptimizer


def averaging_optimizer(owner: object, optimizer: Any) -> Any:
    """The optimizer that keeps the average: this one, or one that it wraps."""
    inner = optimizer
    while inner is not None:
        if isinstance(inner, AveragingOptimizer) or getattr(inner, "use_ema", False):
            return inner
        inner = getattr(inner, "inner_optimizer", None) or getattr(inner, "optimizer", None)
    arguments.refuse(
        owner,
        "model",
        "be compiled with an optimizer that averages the weights",
        optimizer and type(optimizer).__name__,
        "Wrap yours in `optimizers.MovingAverage` or `optimizers.SWA`, or give it `use_ema=True`.",
    )


class AveragesInModel:
    """Puts the averages into the model when made, and the weights in training back when told.

    It also gives back when nothing holds it any longer (an interrupt has unwound the stack), and
    never over weights that somebody has put into the model meanwhile. Where there is no average
    yet, the model stays as it is.

    Args:
        owner: For whom; named in a refusal.
        model: A compiled model.
    """

    def __init__(self, owner: object, model: keras.Model) -> None:
        self._model = model
        self._before: list[Any] = []
        self._averaging = averaging_optimizer(owner, model.optimizer)
        self._step = self._now()
        if _has_average(self._averaging, self._step):
            self._before = [ops.copy(variable) for variable in self._variables()]
            self._put_in()

    def stay(self) -> None:
        """Leaves the averages in the model."""
        self._before = []

    def give_back(self) -> None:
        """Puts the weights in training back, with what rounding cut off from them."""
        before, self._before = self._before, []
        if not before:
            return
        if hasattr(self._model, "jax_state_sync"):
            self._model.jax_state_sync()  # an interrupted loop on JAX holds the state outside
        weights = len(self._model.trainable_variables)
        now = [ops.copy(variable) for variable in self._variables()]
        self._put_in()
        averages = self._model.trainable_variables
        same = all(map(_is_equal, averages, now[:weights])) and self._step == self._now()
        for variable, value in zip(self._variables(), before if same else now, strict=True):
            variable.assign(value)

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.give_back()

    def _now(self) -> int:
        return int(ops.convert_to_numpy(self._averaging.iterations))

    def _variables(self) -> list[Any]:
        """The weights; and what rounding cut off, which is in their low precision as well."""
        low = [v for v in self._averaging.variables if v.dtype in ("bfloat16", "float16")]
        return [*self._model.trainable_variables, *low]

    def _put_in(self) -> None:
        weights = self._model.trainable_variables
        if isinstance(self._averaging, AveragingOptimizer):
            self._averaging.assign_average_vars(weights)
            return
        self._averaging.finalize_variable_values(weights)
        for variable in weights:  # on JAX they share the averages' memory, which is given away
            variable.assign(ops.copy(variable))


def _has_average(optimizer: Any, step: int) -> bool:
    if isinstance(optimizer, AveragingOptimizer):
        return optimizer.has_average(step)
    return step > 0


def _is_equal(one: Any, other: Any) -> bool:
    one, other = ops.convert_to_tensor(one), ops.convert_to_tensor(other)
    both_nan = ops.logical_and(one != one, other != other)
    return bool(ops.all(ops.logical_or(one == other, both_nan)))
