"""Natural gradients, with the curvature of each layer as a Kronecker product."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.arguments import integer, number, refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.precision import rule_dtype
from keras_trainkit.optimizers.second_order.kronecker import Block, blocks_of, tapped
from keras_trainkit.optimizers.second_order.sampled_gradient import sampled_gradient_of
from keras_trainkit.optimizers.second_order.wrapped_model import WrappedModel, batch_size
from keras_trainkit.optimizers.sgd import SGD
from keras_trainkit.optimizers.skipping import are_finite
from keras_trainkit.optimizers.sparse import dense


@register
class KFAC(WrappedModel):
    """A model trained by natural gradients, its curvature factored layer by layer (K-FAC).

    The curvature needs more than the gradient that a Keras optimizer sees, so this is a model round
    the model, with a `train_step` of its own. For each Dense and Conv2D layer, with a its inputs (a
    1 appended for the bias) and g the gradients with respect to what goes into its activation:

        A = E[a a'],  G = E[g g'],  step = (A + pi sqrt(damping) I)^-1 gradient
                                           (G + sqrt(damping) / pi I)^-1

    where pi^2 is the ratio of the mean eigenvalues of A and G. The steps are made shorter, all
    alike, where rate^2 times gradient . step would exceed `kl_clip`, and handed to the optimizer as
    its gradients.

    **Which curvature.** The true Fisher, not the empirical one: g comes from targets drawn from the
    model's own output, by a second backward pass. It is the Gauss-Newton matrix of the loss as
    Keras takes it, with its means over units and places. A normal distribution round the output
    stands for `MeanSquaredError`, bits for `BinaryCrossentropy`, classes for
    `CategoricalCrossentropy` and `SparseCategoricalCrossentropy`; other losses are refused. Penalty
    terms of the loss are in the gradient, not in the curvature. Convolutions, and dense layers over
    sequences, have the factors "KFC" of Grosse and Martens: a a' summed and g g' averaged over the
    places.

    **Which weights.** Layers that train must be called once by the model. A subclass of Dense or
    Conv2D, and all other layers (`BatchNormalization`, `Embedding`), have the curvature 1: plain
    gradient descent at the same rate, shortened with the rest.

    Call `compile` with a loss; the optimizer is the kit's `SGD(0.3, momentum=0.9)`. Another rate or
    schedule may be given as `optimizer=SGD(schedule, momentum=0.9)`. The wrapped model shares its
    weights, and is what one keeps in the end.

    Keras masks are not looked at for the factors: padding counts as inputs do. Sample weights must
    not be negative (every step would be skipped), and no weight be shared between two layers.

    A batch with a number that is not finite in the loss, the gradients or the factors is skipped as
    if it had never been, and counted in `skipped_steps`. Factors and inverses are float32 under
    16-bit policies. All state is saved with the model, and a run that is taken up again goes on
    bit by bit.

    A step costs two backward passes, products of the inputs with themselves (an input of n numbers:
    n^2 for each example and place), and two products of matrices a layer; every `inverse_every`
    steps the inverses, about (inputs + 1)^3 + units^3 operations a layer. Memory is twice
    (inputs + 1)^2 + units^2 numbers a layer; a convolution's inputs are its patches. One device.
    On TensorFlow `jit_compile` is False unless it is set: XLA takes longer for the inverses.

    Args:
        model: A Keras model with one output.
        damping: What is added to the curvature, in units of the loss: above 0. Defaults to 1e-3.
        kl_clip: How far a step may lead, as twice the expected change of the loss: above 0.
            Defaults to 1e-3.
        inverse_every: The inverses are renewed at each of the first steps up to this number, then
            at every such number of them. Defaults to 10.
        decay: Of the moving averages of A and G, in [0, 1). They are plain means until as many
            batches are seen as that reaches back. Defaults to 0.95.
        seed: Of the drawn targets: a whole number. Defaults to 0.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is out of its range, a trained convolution has groups, no layer
            is a Dense or Conv2D, the loss is another one (by `compile`), or a layer is not called
            exactly once (at the first step).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_trainkit.optimizers import KFAC, SGD
    >>> x = np.linspace(-1, 1, 50, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    >>> kfac = KFAC(model, kl_clip=1.0)
    >>> kfac.compile(SGD(1.0), loss="mse")
    >>> history = kfac.fit(x, 3 * x + 2, batch_size=50, epochs=10, verbose=0)
    >>> [round(float(w.squeeze()), 2) for w in model.get_weights()]
    [3.0, 2.0]

    Source: Martens and Grosse, "Optimizing neural networks with Kronecker-factored approximate
    curvature" (2015); Grosse and Martens, "A Kronecker-factored approximate Fisher matrix for
    convolution layers" (2016); the shortening: Ba, Grosse and Martens, "Distributed second-order
    optimization using Kronecker-factored approximations" (2017).
    """

    def __init__(
        self,
        model: keras.Model,
        damping: float = 1e-3,
        kl_clip: float = 1e-3,
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
        self._blocks: list[Block] = []
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
        if not self._blocks:
            refuse(self, "model", "have a Dense or Conv2D layer that trains", self.model.name)

    def _add_matrix(self, side: int, dtype: str, name: str) -> Any:
        return self.add_weight(
            shape=(side, side), initializer="zeros", dtype=dtype, trainable=False, name=name
        )

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Momentum, on natural gradients."""
        return SGD(0.3, momentum=0.9)

    def compile(self, optimizer: Any = None, loss: Any = None, **kwargs: Any) -> None:
        """Takes what `keras.Model.compile` takes; the optimizer may be left out."""
        if keras.backend.backend() == "tensorflow":  # XLA inverts up to ten times as slowly there
            kwargs.setdefault("jit_compile", False)
        self._sampled_gradient = sampled_gradient_of(self, loss)
        super().compile(optimizer, loss=loss, **kwargs)

    def step(self, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """One step on one batch; none if a number in it is not finite."""
        changing = self.trainable_variables + self.non_trainable_variables
        if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            changing = changing + self.optimizer.variables  # a loss scale falls at such a step
        before = [ops.copy(variable) for variable in changing]
        loss, prediction, gradients, inner, outer = self._look(x, y, sample_weight)
        finite = are_finite([loss, *gradients, *inner, *outer])
        self._renew(finite, inner, outer)
        self.apply([ops.where(finite, g, float("nan")) for g in self._natural(gradients)])
        self.steps.assign_add(1)
        for variable, old in zip(changing, before, strict=True):
            variable.assign(ops.where(finite, variable.value, old))
        self.skipped_steps.assign_add(ops.cast(ops.logical_not(finite), "int32"))
        return self.measured(loss, x, y, prediction, sample_weight)

    def _look(self, *batch: Any) -> tuple[Any, ...]:
        """The loss, the prediction, the gradients, and the factors of this batch."""
        weights = [variable.value for variable in self.trainable_variables]
        rooms = [ops.zeros(block.outer.shape, block.outer.dtype) for block in self._blocks]
        look = {
            "tensorflow": self._look_on_tensorflow,
            "jax": self._look_on_jax,
            "torch": self._look_on_torch,
        }[keras.backend.backend()]
        loss, prediction, gradients, outer, inputs = look(weights, rooms, *batch)
        size, scale = batch_size(batch[0]), self.optimizer.scale_loss(1.0)
        inner = [block.inner_of(a, size) for block, a in zip(self._blocks, inputs, strict=True)]
        gradients = [ops.cast(dense(g), rule_dtype(g)) / scale for g in gradients]
        return loss, prediction, gradients, inner, outer

    def _look_on_tensorflow(self, weights: Any, rooms: Any, *batch: Any) -> tuple[Any, ...]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(rooms)
            scaled, loss, prediction, inputs = self._forward(rooms, *batch)
        gradients = tape.gradient(scaled, weights, unconnected_gradients="zero")
        back = self._drawn(prediction, batch[2])
        outer = tape.gradient(prediction, rooms, back, unconnected_gradients="zero")
        return loss, prediction, gradients, outer, inputs

    def _look_on_torch(self, weights: Any, rooms: Any, *batch: Any) -> tuple[Any, ...]:
        from torch.autograd import grad

        rooms = [room.requires_grad_() for room in rooms]
        scaled, loss, prediction, inputs = self._forward(rooms, *batch)
        gradients = grad(scaled, weights, retain_graph=True, materialize_grads=True)
        back = self._drawn(prediction.detach(), batch[2])
        outer = grad(prediction, rooms, back, materialize_grads=True)
        return loss.detach(), prediction.detach(), gradients, outer, [x.detach() for x in inputs]

    def _forward(self, rooms: Any, x: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        with tapped(self._blocks, rooms) as inputs:
            prediction = self(x, training=True)
        loss = self.compute_loss(x, y, prediction, sample_weight, training=True)
        return self.optimizer.scale_loss(loss), loss, prediction, inputs()

    def _look_on_jax(self, weights: Any, rooms: Any, *batch: Any) -> tuple[Any, ...]:
        import jax

        def forward(weights: Any, rooms: Any) -> Any:
            with tapped(self._blocks, rooms) as inputs:
                scaled, (loss, prediction, *updated) = self.evaluate_on_jax(weights, *batch)
            return (scaled, prediction), (loss, updated, inputs())

        (scaled, prediction), pull, (loss, updated, inputs) = jax.vjp(
            forward, weights, rooms, has_aux=True
        )
        self.assign_on_jax(*updated)
        back = self._drawn(prediction, batch[2])
        _, outer = pull((ops.zeros_like(scaled), back))
        gradients, _ = pull((ops.ones_like(scaled), ops.zeros_like(prediction)))
        return loss, prediction, gradients, outer, inputs

    def _drawn(self, prediction: Any, sample_weight: Any) -> Any:
        """What comes back from targets that the model itself would give."""
        # a function of the saved count alone: Keras does not save the state of a generator
        steps = ops.cast(self.steps, self._seeds.state.dtype)
        self._seeds.state.assign(ops.stack([ops.full_like(steps, self.seed), steps]))
        gradient = self._sampled_gradient(prediction, self._seeds)
        if sample_weight is not None:
            weight = ops.sqrt(ops.cast(sample_weight, gradient.dtype))
            ones = [1] * (len(gradient.shape) - len(weight.shape))
            gradient = gradient * ops.reshape(weight, (*ops.shape(weight), *ones))
        return ops.cast(gradient, prediction.dtype)

    def _renew(self, finite: Any, inner: list[Any], outer: list[Any]) -> None:
        """Moves the averages of the factors, and inverts them where that is due."""
        taken = ops.cast(self.steps, "float32")
        share = 1 - ops.minimum(taken / (taken + 1), self.decay)  # a plain mean at first
        for block, *new in zip(self._blocks, inner, outer, strict=True):
            for average, value in zip((block.inner, block.outer), new, strict=True):
                value = ops.where(finite, value, 0.0)  # TensorFlow raises where it cannot invert
                average.assign(average + ops.cast(share, average.dtype) * (value - average))
        is_due = (self.steps < self.inverse_every) | (self.steps % self.inverse_every == 0)
        inverses = [x for b in self._blocks for x in (b.inverse_inner, b.inverse_outer)]
        values = ops.cond(
            is_due,
            lambda: [x for block in self._blocks for x in block.inverses(self.damping)],
            lambda: [ops.copy(variable) for variable in inverses],
        )
        for variable, value in zip(inverses, values, strict=True):
            variable.assign(value)

    def _natural(self, gradients: list[Any]) -> list[Any]:
        """The natural gradients, made shorter where they lead too far."""
        place = {id(variable): i for i, variable in enumerate(self.trainable_variables)}
        steps = list(gradients)
        for block in self._blocks:
            places = [place[id(variable)] for variable in block.weights]
            for i, step in zip(places, block.natural([gradients[i] for i in places]), strict=True):
                steps[i] = step
        change = sum(
            ops.sum(ops.cast(g * s, "float32")) for g, s in zip(gradients, steps, strict=True)
        )
        rate = ops.cast(self.optimizer.learning_rate, "float32")
        tiny = float(np.finfo("float32").tiny)
        shrink = ops.minimum(1.0, ops.sqrt(self.kl_clip / (rate**2 * change + tiny)))
        scale = shrink * self.optimizer.scale_loss(1.0)  # which the optimizer divides by
        return [s * ops.cast(scale, s.dtype) for s in steps]
