"""Save, load, continue: the same weights, bit for bit, as of a run that was never broken."""

import cases
import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import fresh as again
from optimizer_runs import state_of, stepper

from keras_trainkit.optimizers import COCOB, SGD, Adam, Lookahead

MAKE = {
    "sgd": lambda: SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda: Adam(
        keras.optimizers.schedules.CosineDecay(0.01, 40),
        use_ema=True,
        ema_overwrite_frequency=3,
        gradient_accumulation_steps=2,
    ),
    "lookahead": lambda: Lookahead(keras.optimizers.Adam(0.01), sync_period=2),
}


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((10, 8, 6)).astype("float32"), rng.standard_normal((10, 8, 2))


def fresh(make, policy):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(8, dtype=policy),
            keras.layers.BatchNormalization(dtype=policy),
            keras.layers.Dense(2, dtype=policy),
        ]
    )
    optimizer = make()
    if hasattr(optimizer, "weight_decay_form"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    eagerly = keras.backend.backend() == "tensorflow"  # quick there, slow on JAX
    model.compile(optimizer, "mse", run_eagerly=eagerly)
    return model


def train(model, steps):
    xs, ys = data()
    for i in steps:
        model.train_on_batch(xs[i], ys[i])


def numbers(model):
    optimizer = model.optimizer
    variables = model.variables + optimizer.variables
    return [ops.convert_to_numpy(ops.cast(v, "float64")) for v in variables]


def assert_same(a, b):
    assert len(numbers(a)) == len(numbers(b))
    for x, y in zip(numbers(a), numbers(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", cases.OPTIMIZERS + cases.QUASI_NEWTON + cases.WRAPPERS, ids=str)
def test_every_optimizer_goes_on_bit_by_bit(case, dtype):
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(shape) for shape in [(3, 2), (2,)]]
    steps = [[rng.standard_normal(x.shape) for x in start] for _ in range(6)]

    def after(optimizer, start, steps):
        variables = [keras.Variable(x, dtype=dtype, name=f"w{i}") for i, x in enumerate(start)]
        step = stepper(optimizer, variables)
        for gradients in steps:
            step(gradients)
        return variables

    unbroken, first, second = (again(case) for _ in range(3))
    expected = after(unbroken, start, steps)
    half, store = after(first, start, steps[:3]), {}
    first.save_own_variables(store)
    second.load_own_variables(store)  # not yet built
    rest = after(second, [ops.convert_to_numpy(v) for v in half], steps[3:])
    for a, b in zip(state_of(second, rest), state_of(unbroken, expected), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("policy", ["float32", "bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", MAKE)
def test_keras_file(name, policy, tmp_path):
    unbroken = fresh(MAKE[name], policy)
    train(unbroken, range(10))
    first = fresh(MAKE[name], policy)
    train(first, range(5))
    first.save(tmp_path / "model.keras")
    second = keras.models.load_model(tmp_path / "model.keras")
    train(second, range(5, 10))
    assert_same(second, unbroken)


@pytest.mark.parametrize("policy", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", MAKE)
def test_weights_file_before_the_optimizer_is_built(name, policy, tmp_path):
    unbroken = fresh(MAKE[name], policy)
    train(unbroken, range(10))
    first = fresh(MAKE[name], policy)
    train(first, range(5))
    first.save_weights(tmp_path / "a.weights.h5")
    second = fresh(MAKE[name], policy)
    second.load_weights(tmp_path / "a.weights.h5")
    second.save_weights(tmp_path / "b.weights.h5")  # a state not yet used is handed on
    third = fresh(MAKE[name], policy)
    third.load_weights(tmp_path / "b.weights.h5")
    assert not third.optimizer.built
    train(third, range(5, 10))
    assert_same(third, unbroken)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.function")
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("count", [1, 2])  # two small variables share their slots
@pytest.mark.parametrize("cls", [Adam, COCOB])  # what COCOB remembers does not start at zero
def test_state_loaded_before_a_first_step_inside_a_graph(cls, count, before):
    import tensorflow as tf

    trained, fresh_one, gradients = cls(0.1), cls(0.1), [ops.ones((2,))] * count
    weights, others = ([keras.Variable([1.0, 2.0]) for _ in range(count)] for _ in "ab")
    for _ in range(before):
        trained.apply(gradients, weights)
    if before:
        store = {}
        trained.save_own_variables(store)
        fresh_one.load_own_variables(store)
    for other, weight in zip(others, weights, strict=True):
        other.assign(weight)
    step = tf.function(lambda: fresh_one.apply(gradients, others), autograph=False)
    for _ in range(3):
        trained.apply(gradients, weights)
        step()
    assert int(fresh_one.iterations) == before + 3
    for other, weight in zip(others, weights, strict=True):
        np.testing.assert_allclose(other.numpy(), weight.numpy(), rtol=1e-6)


def test_an_unbuilt_state_is_loaded_at_once():
    store = {}
    SGD(0.5).save_own_variables(store)
    optimizer = SGD(0.25)
    optimizer.load_own_variables(store)
    assert float(optimizer.learning_rate) == 0.5
