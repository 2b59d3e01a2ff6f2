"""Newton's method, with the Hessian from automatic differentiation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.flat import Flat
from keras_trainkit.optimizers.second_order.wrapped_model import WrappedModel

_MOST_WEIGHTS = 4_000  # the decomposition of the Hessian then takes about a minute
_EASE, _TIGHTEN = 1 / 4, 8.0  # what the damping is multiplied by after a good step, and a bad one
_LEAST, _LARGEST = 1e-7, 1e7  # damping
_ROWS_AT_ONCE = 32  # of the Hessian: bounds the memory


@register
class Newton(WrappedModel):
    """A model trained by Newton's method, damped: for up to a few thousand weights.

    The Hessian needs the loss, which no Keras optimizer sees, so this is a model round the model,
    with a `train_step` of its own. With the gradient g and the Hessian H = V diag(e) V' of the
    loss on the batch:

        x -= V diag(1 / (|e| + damping)) V' g

    which is H^-1 g where H is positive and the damping small; directions of negative curvature
    are followed down instead of up to the saddle. A step after which the loss on the same batch is
    higher (or not finite) is undone, and the damping grows eightfold; after one that was kept it
    shrinks to a quarter. The loss must have a second derivative: ReLU gives H blocks of zeros, and
    dropout a loss that changes between two looks. It takes minibatches, but fits each one so well
    that the full batch is the use of it.

    Call `compile` with a loss and no optimizer: the step passes through `SGD(1.0)`. Another rate or
    schedule may be given as `optimizer=SGD(rate)`. The wrapped model shares its weights, and is
    what one keeps in the end.

    A step costs n gradients for the Hessian, n being the number of weights, about 10 n^3 operations
    for its decomposition, and memory for a few matrices of n^2 numbers. TensorFlow and JAX only.

    Args:
        model: A Keras model of at most 4,000 trainable weights.
        damping: What is added to the curvature at the first step: above 0. Defaults to 1e-3.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is out of its range, if there are more weights (at the first
            step), or on the torch backend.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_trainkit.optimizers import Newton
    >>> x = np.linspace(-1, 1, 50, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    >>> newton = Newton(model, damping=1e-6)
    >>> newton.compile(loss="mse")
    >>> history = newton.fit(x, 3 * x + 2, batch_size=50, epochs=2, verbose=0)
    >>> [round(float(w.squeeze()), 4) for w in model.get_weights()]
    [3.0, 2.0]

    Source: Nocedal and Wright, "Numerical optimization" (2006), chapter 3; the absolute values:
    Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional
    non-convex optimization" (2014).
    """

    def __init__(self, model: keras.Model, damping: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(model, **kwargs)
        if keras.backend.backend() not in ("tensorflow", "jax"):
            raise ValueError(
                "`Newton`: takes the Hessian on TensorFlow and JAX only. Use `LBFGS` on "
                f"{keras.backend.backend()}."
            )
        self.damping = number(self, "damping", damping, above=0.0)
        # XLA has no fast decomposition of matrices on TensorFlow.
        self.supports_jit = keras.backend.backend() == "jax"
        self._damping = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(damping), trainable=False
        )

    def step(self, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """One step on one batch; undone if it does not lower the loss there."""
        flat, batch = Flat(tuple(self.trainable_variables)), (x, y, sample_weight)
        if flat.size > _MOST_WEIGHTS:
            raise ValueError(
                f"`Newton`: takes the Hessian of at most {_MOST_WEIGHTS:,} weights, got "
                f"{flat.size:,}. Use `LBFGS` on the full batch, `Adam` on minibatches."
            )
        on_jax = keras.backend.backend() == "jax"
        look = self._look_on_jax if on_jax else self._look_on_tensorflow
        loss, prediction, gradient, hessian = look(flat, *batch)
        before = [ops.copy(variable) for variable in flat.variables]
        self.apply(flat.split(_newton_step(gradient, hessian, self._damping.value)))
        if on_jax:
            _, (after, *_) = self.evaluate_on_jax([v.value for v in flat.variables], *batch)
        else:
            _, after = self._evaluate(*batch)
        better = _is_no_higher(after, loss)
        for variable, old in zip(flat.variables, before, strict=True):
            variable.assign(ops.where(better, variable.value, old))
        self._damping.assign(_renewed(self._damping.value, better))
        return self.measured(loss, x, y, prediction, sample_weight)

    def _evaluate(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
        prediction = self(x, training=True)
        return prediction, self.compute_loss(x, y, prediction, sample_weight, training=True)

    def _look_on_tensorflow(self, flat: Flat, *batch: Any) -> tuple[Any, ...]:
        weights = [variable.value for variable in flat.variables]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                prediction, loss = self._evaluate(*batch)
            gradient = flat.join(inner.gradient(loss, weights))
        blocks = outer.jacobian(
            gradient, weights, unconnected_gradients="zero", parallel_iterations=_ROWS_AT_ONCE
        )
        hessian = ops.concatenate([ops.reshape(x, (flat.size, -1)) for x in blocks], axis=1)
        return loss, prediction, gradient, hessian

    def _look_on_jax(self, flat: Flat, *batch: Any) -> tuple[Any, ...]:
        import jax

        def gradient_at(vector: Any) -> tuple[Any, Any]:
            return jax.grad(lambda v: self.evaluate_on_jax(flat.split(v), *batch), has_aux=True)(
                vector
            )

        def row(direction: Any) -> Any:
            return jax.jvp(lambda v: gradient_at(v)[0], (point,), (direction,))[1]

        point = flat.join([variable.value for variable in flat.variables])
        gradient, (loss, prediction, *updated) = gradient_at(point)
        hessian = jax.lax.map(row, ops.eye(flat.size, dtype=flat.dtype), batch_size=_ROWS_AT_ONCE)
        self.assign_on_jax(*updated)
        return loss, prediction, gradient, hessian


def _newton_step(gradient: Any, hessian: Any, damping: Any) -> Any:
    finite = ops.all(ops.isfinite(hessian)) & ops.all(ops.isfinite(gradient))
    hessian = ops.where(finite, (hessian + ops.transpose(hessian)) / 2, 0.0)
    gradient = ops.where(finite, gradient, 0.0)
    curvature, axes = ops.eigh(hessian)
    curvature = ops.abs(curvature) + ops.cast(damping, hessian.dtype)
    return ops.matmul(axes, ops.matmul(gradient, axes) / curvature)


def _is_no_higher(new: Any, old: Any) -> Any:
    rounding = 8 * np.finfo(keras.backend.standardize_dtype(old.dtype)).eps  # at the minimum
    return new <= old + rounding * ops.abs(old)


def _renewed(damping: Any, better: Any) -> Any:
    return ops.clip(damping * ops.where(better, _EASE, _TIGHTEN), _LEAST, _LARGEST)
