"""The base of the optimizers that keep an average of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_trainkit.optimizers.wrapper import WrappingOptimizer


class AveragingOptimizer(WrappingOptimizer):
    """A wrapper whose copy is an average of the weights, which the model has in the end.

    `fit` puts the averages into the model when it ends (as it does for Keras' `use_ema`); between
    the steps, for callbacks and in checkpoints, the model holds the weights in training.
    """

    copy_name = "average"

    def is_due(self, t: Any) -> Any:
        """Whether the weights after update `t` go into the average."""
        raise NotImplementedError

    def share(self, t: Any) -> Any:
        """Their share in it, a float32 scalar: 1 for the first ones."""
        raise NotImplementedError

    def has_average(self, t: int) -> bool:
        """Whether there is an average after `t` updates."""
        raise NotImplementedError

    def after_step(self, t: Any, stepped: Any) -> None:
        """Brings the average up to date."""
        share = self.share(t)

        def mixed(average: Any, weights: Any) -> Any:
            part = ops.cast(share, average.dtype)
            return (1 - part) * average + part * weights

        self.change_copies(ops.logical_and(stepped, self.is_due(t)), mixed, both=False)

    def assign_average_vars(self, var_list: Sequence[Any]) -> None:
        """Puts the averages into the model, if there are any yet.

        Args:
            var_list: The model's trainable variables, or some of them.
        """
        if not self.has_average(int(ops.convert_to_numpy(self.iterations))):
            return
        for variable in var_list:
            index = self._get_variable_index(variable)
            self.assign_weight(variable, ops.copy(self._copies[index]))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """What `fit` calls at its end: puts the averages into the model."""
        super().finalize_variable_values(var_list)
        self.assign_average_vars(var_list)
