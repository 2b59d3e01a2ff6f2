"""Lookahead and the two averages, round the kit's optimizers and Keras' own."""

import keras
import numpy as np
import pytest
from keras import ops
from minimize import QUICK
from optimizer_runs import REGIMES, run, state_of, stepper, variables_of
from oracles import optimizers as oracles

from keras_trainkit.optimizers import SGD, SWA, Lookahead, MovingAverage, renew_batch_normalization

RATE = 0.0625
INNER = {
    "kit": lambda **k: SGD(RATE, momentum=0.9, **k),
    "keras": lambda **k: keras.optimizers.SGD(RATE, momentum=0.9, **k),
}
WRAP = {
    "lookahead": lambda inner: Lookahead(inner, sync_period=3, slow_step_size=0.25),
    "average": lambda inner: MovingAverage(inner, average_decay=0.75),
    "swa": lambda inner: SWA(inner, start_averaging=2, average_period=2),
}


def problem(dtype="float64", steps=14):
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 2)).astype(dtype), rng.standard_normal((steps, 3, 2))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("inner", INNER)
def test_lookahead(inner, regime):
    start, gradients = problem()
    optimizer = Lookahead(INNER[inner](), sync_period=4, slow_step_size=0.25)
    (weights,) = run(optimizer, [start], [[g] for g in gradients], regime)
    expected = oracles.lookahead(start, gradients, [RATE] * 14, 4, 0.25)[-1]
    np.testing.assert_allclose(weights, expected, rtol=1e-6, atol=1e-6)  # Keras rounds 0.9


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(
    ("cls", "arguments", "oracle"),
    [
        (MovingAverage, {"average_decay": 0.75}, lambda path: oracles.moving_average(path, 0.75)),
        (
            MovingAverage,
            {"average_decay": 0.5, "dynamic_decay": True, "start_step": 3},
            lambda path: oracles.moving_average(path, 0.5, start=3, dynamic=True),
        ),
        (SWA, {"average_period": 4}, lambda path: oracles.swa(path, 4, 4)),
        (
            SWA,
            {"start_averaging": 5, "average_period": 3},
            lambda path: oracles.swa(path, 5, 3),
        ),
    ],
    ids=["average", "average-dynamic", "swa", "swa-late"],
)
def test_averages(cls, arguments, oracle, regime):
    start, gradients = problem()
    (weight,) = variables_of(start)
    optimizer = cls(INNER["kit"](), **arguments)
    step = stepper(optimizer, [weight], regime)
    for g in gradients:
        step([g])
    path = oracles.momentum(start, gradients, [RATE] * 14)
    np.testing.assert_allclose(ops.convert_to_numpy(weight), path[-1], rtol=1e-6)
    optimizer.finalize_variable_values([weight])
    np.testing.assert_allclose(ops.convert_to_numpy(weight), oracle(path), rtol=1e-6)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", WRAP)
def test_a_skipped_step_is_none(name, regime):
    start, gradients = problem(steps=6)
    states = []
    for bad in (False, True):
        optimizer, variables = WRAP[name](INNER["kit"]()), variables_of(start)
        step = stepper(optimizer, variables, regime)
        for g in gradients:
            step([g])
            if bad:
                step([g * np.nan])
        states.append(state_of(optimizer, variables))
    for a, b in zip(*states, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", WRAP)
def test_gradients_that_are_only_accumulated_are_no_step(name):
    start, gradients = problem(steps=6)
    plain = WRAP[name](INNER["kit"]()), variables_of(start)
    slow = WRAP[name](INNER["kit"](gradient_accumulation_steps=2)), variables_of(start)
    for optimizer, variables in (plain, slow):
        step = stepper(optimizer, variables)
        for g in gradients:
            for _ in range(1 + (optimizer is slow[0])):
                step([g])
        optimizer.finalize_variable_values(variables)
    np.testing.assert_allclose(
        ops.convert_to_numpy(slow[1][0]), ops.convert_to_numpy(plain[1][0]), rtol=1e-12
    )


@pytest.mark.parametrize("name", WRAP)
def test_bfloat16_follows_float32(name):
    # Moves of 2^-12 from 1, where bfloat16 has a spacing of 2^-7: one step shows in none.
    ends = []
    for dtype in ("float32", "bfloat16"):
        weight = keras.Variable(np.ones(3), dtype=dtype)
        optimizer = WRAP[name](SGD(2.0**-12))
        step = stepper(optimizer, [weight])
        for _ in range(96):
            step([np.ones(3)])
        optimizer.finalize_variable_values([weight])
        ends.append(ops.convert_to_numpy(ops.cast(optimizer.weight(weight), "float32")))
    np.testing.assert_allclose(ends[1], ends[0], atol=2.0**-14)
    assert ends[0][0] < 1 - 2.0**-8


def small_model(dtype="float32"):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.Dense(4, dtype=dtype),
            keras.layers.BatchNormalization(dtype=dtype),
            keras.layers.Dense(1, dtype=dtype),
        ]
    )


DATA = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
TARGET = DATA.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("name", WRAP)
def test_in_fit(name, policy):
    model = small_model(policy)
    model.compile(WRAP[name](INNER["keras"]()), "mse", jit_compile=keras.backend.backend() == "jax")
    model.fit(DATA, TARGET, batch_size=10, shuffle=False, epochs=2, verbose=0)
    wrapper = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    assert int(wrapper.iterations) > 4
    if name != "lookahead":  # the model holds the average
        for weight, average in zip(model.trainable_variables, wrapper._copies, strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(weight), ops.convert_to_numpy(average), rtol=1e-6
            )
    model.optimizer.learning_rate = 0.5
    assert float(wrapper.optimizer.learning_rate) == 0.5
    again = keras.optimizers.deserialize(keras.optimizers.serialize(wrapper))
    assert again.get_config() == wrapper.get_config()


def test_without_an_average_the_weights_stay():
    (weight,) = variables_of(np.float64(1.0))
    optimizer = SWA(SGD(0.5), start_averaging=3)
    stepper(optimizer, [weight])([np.float64(1.0)])
    optimizer.finalize_variable_values([weight])
    assert float(weight) == 0.5


def test_lookahead_begins_at_the_weights_of_the_first_step():
    (weight,) = variables_of(np.float64(1.0))
    optimizer = Lookahead(SGD(0.5), sync_period=1)
    optimizer.build([weight])
    weight.assign(5.0)  # as loading pretrained weights does
    stepper(optimizer, [weight])([np.float64(1.0)])
    assert float(weight) == 4.75


def test_the_inner_state_is_stored_once(tmp_path):
    model = small_model()
    model.compile(Lookahead(keras.optimizers.Adam(0.01)), "mse")
    model.fit(DATA, TARGET, verbose=0)
    model.save_weights(tmp_path / "a.weights.h5")
    import h5py

    stored = []
    with h5py.File(tmp_path / "a.weights.h5") as file:
        file["optimizer"].visit(lambda name: stored.append(file["optimizer"][name]))
    arrays = [x for x in stored if isinstance(x, h5py.Dataset)]
    assert len(arrays) == len(model.optimizer.variables)


@pytest.mark.parametrize("name", WRAP)
def test_the_loss_is_scaled_once(name):
    (weight,) = variables_of(np.float32(1.0))
    wrapper = WRAP[name](SGD(0.5, loss_scale_factor=8.0))
    assert wrapper.loss_scale_factor == 8.0
    optimizer = keras.optimizers.LossScaleOptimizer(wrapper, initial_scale=4.0)
    stepper(optimizer, [weight], QUICK)([np.float32(4.0)])  # eagerly Keras' leaks a tracer on JAX
    assert float(weight) == 0.5
    assert wrapper.loss_scale_factor is None


def test_an_argument_of_the_wrapped_one_is_refused():
    sentence = "`SWA`: `clipnorm` must be an argument of the wrapped optimizer, got 1.0"
    with pytest.raises(ValueError, match=f"^{sentence}"):
        SWA("adam", clipnorm=1.0)


def test_renewed_batch_normalization():
    model = small_model()
    inner = keras.Sequential([model.layers[1]])  # also where it is nested
    outer = keras.Sequential([keras.layers.Input((3,)), model.layers[0], inner, model.layers[2]])
    batches = [DATA[:30], DATA[30:]]
    activations = [ops.convert_to_numpy(model.layers[0](x)) for x in batches]
    trained = outer.get_weights()
    renew_batch_normalization(outer, [(x, TARGET[: len(x)]) for x in [*batches, DATA]], steps=2)
    normalization = model.layers[1]
    assert normalization.momentum == 0.99
    for moving, statistic in (("moving_mean", np.mean), ("moving_variance", np.var)):
        expected = np.average([statistic(a, axis=0) for a in activations], axis=0, weights=[30, 10])
        found = ops.convert_to_numpy(getattr(normalization, moving))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    for variable, before in zip(outer.weights, trained, strict=True):
        if "moving" not in variable.name:
            np.testing.assert_array_equal(ops.convert_to_numpy(variable), before)


def test_frozen_normalization_stays():
    model = small_model()
    model.layers[1].trainable = False
    before = model.get_weights()
    renew_batch_normalization(model, [DATA])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
