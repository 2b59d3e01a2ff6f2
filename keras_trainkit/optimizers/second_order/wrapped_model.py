"""The base of the optimizers that need more than a gradient: a model round the model."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.config import own_config, revive


class WrappedModel(keras.Model):
    """A model that calls another one, and trains it by a `train_step` of its own.

    Args:
        model: A Keras model.
        **kwargs: `name`.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(model, keras.Model):
            refuse(self, "model", "be a Keras model", model)
        self.model = model

    def build(self, input_shape: Any) -> None:
        """Builds the model."""
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The model's answer."""
        return self.model(inputs, training=training)

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What takes the steps where `compile` is given no optimizer."""
        return keras.optimizers.SGD(1.0)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """Takes what `keras.Model.compile` takes; the optimizer may be left out."""
        super().compile(optimizer=optimizer or self.default_optimizer(), **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as it was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def step(self, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """One step on one batch, which assigns what it changes: the logs."""
        raise NotImplementedError

    def train_step(self, *state_and_data: Any) -> Any:
        """Keras' hook: the step, on JAX as a function of the state."""
        *state, data = state_and_data
        batch = keras.utils.unpack_x_y_sample_weight(data)
        if not state:
            return self.step(*batch)
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        mapping = [pair for group, values in zip(groups, *state, strict=True)
                   for pair in zip(group, values, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.step(*batch)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

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
    """The number of rows of a nest of inputs."""
    return ops.shape(keras.tree.flatten(x)[0])[0]
