"""The base of the optimizers that wrap another one and keep a second copy of the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.config import own_config
from keras_trainkit.optimizers.precision import rule_dtype
from keras_trainkit.optimizers.skipping import choose, should_select
from keras_trainkit.optimizers.state import StateKeeper, path_of


class WrappingOptimizer(StateKeeper):
    """An optimizer that lets another one take the steps and looks at the weights it makes.

    The rate, the clock, clipping, weight decay, accumulation and loss scaling are the wrapped
    optimizer's. A step that it skips or only accumulates is none: the clock `t` of a member
    counts the updates of the weights. The copy of a bfloat16 or float16 variable is float32.

    Args:
        optimizer: Any Keras optimizer, or its name.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is one of the wrapped optimizer's.
    """

    copy_name = "copy"
    """What the variables of the second copy are called."""

    def __init__(self, optimizer: Any, **kwargs: Any) -> None:
        for argument in kwargs.keys() - {"name"}:
            refuse(self, argument, "be an argument of the wrapped optimizer", kwargs[argument])
        super().__init__(learning_rate=0.0, **kwargs)
        self.optimizer = keras.optimizers.get(optimizer)
        self._copies: tuple[Any, ...] = ()

    def before_step(self, t: Any) -> None:
        """What to do before an update, `t` of which have been."""

    def after_step(self, t: Any, stepped: Any) -> None:
        """What to do after the update number `t`, if `stepped` is true and it is one."""
        raise NotImplementedError

    def build(self, variables: Sequence[Any]) -> None:
        """Builds the wrapped optimizer, and makes the copies."""
        if self.built:
            self._refuse_others(variables)
            return
        self.optimizer.build(variables)
        super().build(variables)
        distribution = keras.distribution.distribution()
        self._copies = tuple(
            self.add_variable(
                variable.shape,
                dtype=rule_dtype(variable),
                layout=distribution and distribution.get_variable_layout(variable),
                name=f"{path_of(variable).replace('/', '_')}_{self.copy_name}",
            )
            for variable in variables
        )
        self._use_loaded()

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """A step of the wrapped optimizer, between what is to do before and after."""
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
        before = ops.copy(self.optimizer.iterations)
        self.before_step(before)
        self.optimizer.apply(grads, trainable_variables)
        after = ops.copy(self.optimizer.iterations)
        self.after_step(after, after != before)

    def change_copies(self, due: Any, change: Callable[[Any, Any], Any], both: bool) -> None:
        """Where `due`, sets each copy to `change(copy, weights)`, and the weights, too, if `both`.

        Args:
            due: A boolean scalar.
            change: A function of two tensors.
            both: Whether the model's weights become the copy.
        """

        def update(choose: Callable[[Any, Any], Any]) -> None:
            for variable, kept in zip(self._trainable_variables, self._copies, strict=True):
                old, weights = ops.copy(kept), self.weight(variable)
                new = change(old, weights)
                self.assign(kept, choose(new, old))
                if both and not getattr(variable, "overwrite_with_gradient", False):
                    self.assign_weight(variable, choose(new, weights))

        if should_select(due):
            update(lambda new, old: ops.where(due, new, old))
        else:
            choose(due, lambda: update(lambda new, old: new), lambda: None)

    def weight(self, variable: Any) -> Any:
        """The wrapped optimizer's, residuals included."""
        if isinstance(self.optimizer, StateKeeper):
            return self.optimizer.weight(variable)
        return super().weight(variable)

    def assign_weight(self, variable: Any, value: Any) -> None:
        """The wrapped optimizer's, residuals included."""
        if isinstance(self.optimizer, StateKeeper):
            self.optimizer.assign_weight(variable, value)
        else:
            super().assign_weight(variable, value)

    @property
    def variables(self) -> list[Any]:
        """The copies, and the wrapped optimizer's."""
        return super().variables + self.optimizer.variables

    @property
    def stored(self) -> list[Any]:
        """The copies, and what the wrapped optimizer saves."""
        inner = self.optimizer
        return super().variables + (
            inner.stored if isinstance(inner, StateKeeper) else inner.variables
        )

    @property
    def iterations(self) -> Any:
        """The wrapped optimizer's clock."""
        return self.optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The wrapped optimizer's rate."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.optimizer.learning_rate = learning_rate

    @property
    def loss_scale_factor(self) -> Any:
        """The wrapped optimizer's, which Keras' `LossScaleOptimizer` clears."""
        return self.optimizer.loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: Any) -> None:
        if hasattr(self, "optimizer"):  # not yet where Keras' constructor sets its own to None
            self.optimizer.loss_scale_factor = factor

    def scale_loss(self, loss: Any) -> Any:
        """As the wrapped optimizer does."""
        return self.optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """As the wrapped optimizer does."""
        self.optimizer.finalize_variable_values(var_list)

    def __dir__(self) -> list[str]:
        """All but the wrapped optimizer: its state is in `variables`, not to be saved twice."""
        return [name for name in super().__dir__() if name != "optimizer"]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, **own_config(self)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> WrappingOptimizer:
        """An optimizer from its config."""
        inner = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects)
        return cls(**{**config, "optimizer": inner})
