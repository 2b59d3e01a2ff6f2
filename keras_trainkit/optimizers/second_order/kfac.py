"""The natural gradient, with the curvature of each layer as a Kronecker product."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import integer, number
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.second_order.kronecker import Block, blocks_of, tapped
from keras_trainkit.optimizers.second_order.sampled_gradient import sampled_gradient_of
from keras_trainkit.optimizers.second_order.wrapped_model import WrappedModel, batch_size
from keras_trainkit.optimizers.sgd import SGD
from keras_trainkit.optimizers.skipping import are_finite


@register
class KFAC(WrappedModel):
    def __init__(
        self,
        model: keras.Model,
        damping: float = 1e-3,
        kl_clip: float = 1e-2,
        inverse_every: int = 10,
        decay: float = 0.95,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, **kwargs)
        self.damping = number(self, "damping", damping, above=0.0)
        self.kl_clip = number(self, "kl_clip", kl_clip, above=0.0)
        self.inverse_every = integer(self, "inverse_every", inverse_every, 1)
        self.decay = number(self, "decay", decay, minimum=0.0, below=1.0)
        self.seed = integer(self, "seed", seed, 0)
        self.steps = self._add_count("steps")
        self.skipped_steps = self._add_count("skipped_steps")
        self._seeds = keras.random.SeedGenerator(self.seed)
        self._blocks: tuple[Block, ...] = ()
        if model.built:
            self.build(None)

    def _add_count(self, name: str) -> Any:
        return self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False, name=name
        )

    def build(self, input_shape: Any) -> None:
        """Builds the model, and makes the factors of its layers."""
        super().build(input_shape)
        if not self._blocks:
            self._blocks = blocks_of(self.model, self._add_matrix)

    def _add_matrix(self, side: int, dtype: str, name: str) -> Any:
        return self.add_weight(
            shape=(side, side), initializer="zeros", dtype=dtype, trainable=False, name=name
        )

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Momentum, on natural gradients."""
        return SGD(0.3, momentum=0.9)

    def compile(self, optimizer: Any = None, loss: Any = None, **kwargs: Any) -> None:
        """Takes what `keras.Model.compile` takes; the optimizer may be left out."""
        self._sampled_gradient = sampled_gradient_of(self, loss)
        super().compile(optimizer, loss=loss, **kwargs)

    def step(self, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """One step on one batch."""
        changing = self.trainable_variables + self.non_trainable_variables
        if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            changing = changing + self.optimizer.variables
        before = [ops.copy(variable) for variable in changing]
        loss, prediction, gradients, inner, outer = self._look(x, y, sample_weight)
        finite = are_finite([loss, *gradients, *inner, *outer])
        self._renew(finite, inner, outer)
        self._apply([ops.where(finite, g, float("nan")) for g in self._natural(gradients)])
        self.steps.assign_add(1)
        for variable, old in zip(changing, before, strict=True):
            variable.assign(ops.where(finite, variable.value, old))
        self.skipped_steps.assign_add(ops.cast(~finite, "int32"))
        return self.measured(loss, x, y, prediction, sample_weight)

    def _look(self, x: Any, y: Any, sample_weight: Any) -> Any:
        """The loss, the prediction, the gradients, and the factors of this batch."""
        rooms = [ops.zeros(block.outer.shape, block.outer.dtype) for block in self._blocks]
        weights = [variable.value for variable in self.trainable_variables]
        backward = {"tensorflow": self._look_on_tensorflow, "jax": self._look_on_jax}
        loss, prediction, gradients, outer, inputs = backward[keras.backend.backend()](
            weights, rooms, x, y, sample_weight
        )
        inner = [b.inner_of(a, batch_size(x)) for b, a in zip(self._blocks, inputs, strict=True)]
        scale = self.optimizer.scale_loss(1.0)
        gradients = [g if g is None else g / ops.cast(scale, g.dtype) for g in gradients]
        return loss, prediction, gradients, inner, outer

    def _drawn(self, prediction: Any, sample_weight: Any) -> Any:
        """What comes back from targets that the model itself would give."""
        # a function of the saved count alone, so that a run that is taken up again goes on with it
        steps = ops.cast(self.steps, self._seeds.state.dtype)
        self._seeds.state.assign(ops.stack([ops.full_like(steps, self.seed), steps]))
        gradient = self._sampled_gradient(prediction, self._seeds)
        if sample_weight is not None:
            weight = ops.sqrt(ops.cast(sample_weight, gradient.dtype))
            gradient = gradient * ops.reshape(weight, (-1, *[1] * (len(gradient.shape) - 1)))
        return ops.cast(gradient, prediction.dtype)

    def _look_on_tensorflow(self, weights, rooms, x, y, sample_weight):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(rooms)
            with tapped(self._blocks, rooms) as inputs:
                prediction = self(x, training=True)
            loss = self.compute_loss(x, y, prediction, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, weights)
        outer = tape.gradient(
            prediction, rooms, self._drawn(prediction, sample_weight), unconnected_gradients="zero"
        )
        return loss, prediction, gradients, outer, inputs()

    def _look_on_jax(self, weights, rooms, x, y, sample_weight):
        import jax

        others = [variable.value for variable in self.non_trainable_variables]
        measured = [variable.value for variable in self.metrics_variables]
        slots = [variable.value for variable in self.optimizer.variables]

        def forward(weights: Any, rooms: Any) -> Any:
            with tapped(self._blocks, rooms) as inputs:
                scaled, (loss, prediction, *updated) = self.compute_loss_and_updates(
                    weights, others, measured, x, y, sample_weight, training=True,
                    optimizer_variables=slots,
                )  # fmt: skip
            return (scaled, prediction), (loss, updated, inputs())

        (scaled, prediction), back, (loss, updated, inputs) = jax.vjp(
            forward, weights, rooms, has_aux=True
        )
        variables = self.non_trainable_variables + self.metrics_variables
        for variable, value in zip(variables, [*updated[0], *updated[1]], strict=True):
            variable.assign(value)
        gradients, _ = back((ops.ones_like(scaled), ops.zeros_like(prediction)))
        _, outer = back((ops.zeros_like(scaled), self._drawn(prediction, sample_weight)))
        return loss, prediction, gradients, outer, inputs

    def _renew(self, finite: Any, inner: Any, outer: Any) -> None:
        """Moves the factors' averages, and inverts them where that is due."""
        t = ops.cast(self.steps, "float32") + 1
        keep = ops.minimum(1 - 1 / t, self.decay)
        for block, *new in zip(self._blocks, inner, outer, strict=True):
            for average, value in zip((block.inner, block.outer), new, strict=True):
                share = ops.cast(1 - keep, average.dtype)
                value = ops.where(finite, value, 0.0)  # TensorFlow raises where it cannot invert
                average.assign(average + share * (value - average))
        is_due = (self.steps < self.inverse_every) | (self.steps % self.inverse_every == 0)
        inverses = [v for b in self._blocks for v in (b.inverse_inner, b.inverse_outer)]
        new = ops.cond(
            is_due,
            lambda: [m for block in self._blocks for m in block.inverses(self.damping)],
            lambda: [ops.copy(variable) for variable in inverses],
        )
        for variable, value in zip(inverses, new, strict=True):
            variable.assign(value)

    def _natural(self, gradients: list[Any]) -> list[Any]:
        """The step, before rate and momentum."""
        place = {id(variable): i for i, variable in enumerate(self.trainable_variables)}
        steps = list(gradients)
        for block in self._blocks:
            where = [place[id(variable)] for variable in block.weights]
            for i, step in zip(where, block.natural([gradients[i] for i in where]), strict=True):
                steps[i] = step
        change = sum(
            ops.sum(ops.cast(g * s, "float32"))
            for g, s in zip(gradients, steps, strict=True)
            if g is not None
        )
        rate = ops.cast(self.optimizer.learning_rate, "float32")
        shrink = ops.minimum(1.0, ops.sqrt(self.kl_clip / (rate**2 * change + 1e-30)))
        scale = shrink * self.optimizer.scale_loss(1.0)
        return [None if s is None else s * ops.cast(scale, s.dtype) for s in steps]

    def _apply(self, steps: list[Any]) -> None:
        if keras.backend.backend() != "jax":
            self.optimizer.apply(steps, self.trainable_variables)
            return
        # a loss scale's `apply` assigns inside of a condition
        variables = self.trainable_variables, self.optimizer.variables
        weights, slots = ([variable.value for variable in group] for group in variables)
        new = self.optimizer.stateless_apply(slots, steps, weights)
        for group, values in zip(variables, new, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
