"""One way to run an optimizer over a list of gradients, on each backend and in each regime."""

import keras
import numpy as np
from keras import ops

REGIMES = {
    "tensorflow": ["eager", "graph", "jit"],
    "jax": ["eager", "jit"],
    "torch": ["eager"],
}[keras.backend.backend()]


def fresh(case, **overrides):
    """An optimizer of a row of `cases.py` that shares nothing with another, wrapped ones too."""
    return case.cls.from_config({**case.build().get_config(), **overrides})


def random_problem(seed, dtype, steps=50):
    """Weights to start from, and for each step a gradient for each of them, of changing size."""
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape).astype(dtype) for shape in [(3, 4), (5,), ()]]
    scales = 10.0 ** rng.uniform(-3, 1, steps)
    gradients = [
        [(scale * rng.standard_normal(x.shape)).astype(dtype) for x in start] for scale in scales
    ]
    return start, gradients


def variables_of(*arrays):
    return [
        keras.Variable(x, dtype=str(np.asarray(x).dtype), name=f"w{i}")
        for i, x in enumerate(arrays)
    ]


def stepper(optimizer, variables, regime="eager"):
    """A function that takes the gradients of one step and applies them."""
    optimizer.build(variables)
    if regime == "eager":
        return lambda gradients: optimizer.apply(_tensors(gradients, variables), variables)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        apply = tf.function(
            lambda gradients: optimizer.apply(gradients, variables),
            jit_compile=regime == "jit",
            autograph=False,
        )
        return lambda gradients: apply(_tensors(gradients, variables))
    import jax

    apply = jax.jit(optimizer.stateless_apply)

    def step(gradients):
        state = [v.value for v in optimizer.variables], [v.value for v in variables]
        weights, slots = apply(state[0], _tensors(gradients, variables), state[1])
        for variable, value in zip(variables + optimizer.variables, weights + slots, strict=True):
            variable.assign(value)

    return step


def run(optimizer, start, gradients, regime="eager"):
    """The final weights after a list of steps, each a list of one gradient for each array."""
    variables = variables_of(*start)
    step = stepper(optimizer, variables, regime)
    for gradient in gradients:
        step(gradient)
    return [ops.convert_to_numpy(v) for v in variables]


def state_of(optimizer, variables):
    """All numbers that a step may change, but for the count of skipped steps."""
    state = [v for v in optimizer.variables if v.name != "skipped_steps"] + variables
    return [ops.convert_to_numpy(ops.cast(v, "float64")).copy() for v in state]


def _tensors(gradients, variables):
    return [
        g if g is None or ops.is_tensor(g) else ops.convert_to_tensor(g, dtype=v.dtype)
        for g, v in zip(gradients, variables, strict=True)
    ]
