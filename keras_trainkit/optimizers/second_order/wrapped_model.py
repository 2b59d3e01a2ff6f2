"""The base of what needs more than a gradient: a model round the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.config import own_config, revive


class WrappedModel(keras.Model):
    """A model that calls another one, and trains it by a `step` of its own.

    Args:
        model: A Keras model.
        **kwargs: `name`.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(model, keras.Model):
            refuse(self, "model", "be a Keras model", model)
        self.model = model

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What takes the steps where `compile` is given no optimizer."""
        return keras.optimizers.SGD(1.0)

    def step(self, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """One step on one batch: assigns what it changes, and returns the logs."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Builds the model."""
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The model's answer."""
        return self.model(inputs, training=training)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """Takes what `keras.Model.compile` takes; the optimizer may be left out."""
        super().compile(optimizer=optimizer or self.default_optimizer(), **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as it was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, *state_and_data: Any) -> Any:
        """Keras' hook: the step; on JAX as a function from the state to a new one."""
        *state, data = state_and_data
        batch = keras.utils.unpack_x_y_sample_weight(data)
        if not state:
            if not self.built:  # all weights must be there before the step looks at them
                self(keras.tree.map_structure(_specification, batch[0]))
            self.optimizer.build(self.trainable_variables)
            return self.step(*batch)
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        mapping = [
            pair
            for variables, values in zip(groups, *state, strict=True)
            for pair in zip(variables, values, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.step(*batch)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

    def evaluate_on_jax(self, weights: Sequence[Any], x: Any, y: Any, sample_weight: Any) -> Any:
        """The scaled loss at some weights, and what `keras.Model.compute_loss_and_updates` adds."""
        others, measured, slots = (
            [variable.value for variable in variables]
            for variables in (
                self.non_trainable_variables,
                self.metrics_variables,
                self.optimizer.variables,
            )
        )
        return self.compute_loss_and_updates(
            weights, others, measured, x, y, sample_weight, training=True,
            optimizer_variables=slots,
        )  # fmt: skip

    def assign_on_jax(self, others: Sequence[Any], measured: Sequence[Any]) -> None:
        """Takes over what an evaluation has updated."""
        variables = self.non_trainable_variables + self.metrics_variables
        for variable, value in zip(variables, [*others, *measured], strict=True):
            variable.assign(value)

    def apply(self, gradients: Sequence[Any]) -> None:
        """Lets the optimizer take its step."""
        if keras.backend.backend() != "jax":
            self.optimizer.apply(gradients, self.trainable_variables)
            return
        # a `LossScaleOptimizer` assigns inside of a condition in the other form
        groups = self.trainable_variables, self.optimizer.variables
        weights, slots = ([variable.value for variable in group] for group in groups)
        new = self.optimizer.stateless_apply(slots, gradients, weights)
        for group, values in zip(groups, new, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    def measured(self, loss: Any, x: Any, y: Any, prediction: Any, sample_weight: Any) -> Any:
        """The logs of a step, once the metrics have seen it."""
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=batch_size(x))
        return self.compute_metrics(x, y, prediction, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the model among them."""
        return {**own_config(self), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WrappedModel:
        """A new one, round a new model."""
        return cls(**revive(config))


def batch_size(x: Any) -> Any:
    """The number of examples in a nest of inputs."""
    return ops.shape(keras.tree.flatten(x)[0])[0]


def _specification(tensor: Any) -> keras.KerasTensor:
    return keras.KerasTensor(tensor.shape, keras.backend.standardize_dtype(tensor.dtype))
