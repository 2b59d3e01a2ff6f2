"""Weights of 16 bits: float32 rules, and residuals that keep what rounding cuts off."""

import functools

import cases
import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, run, stepper, variables_of

import low_precision
from keras_trainkit.optimizers import SGD, Adam
from keras_trainkit.optimizers.precision import split

BITS = {"bfloat16": 8, "float16": 11}
MAKE = {
    "sgd": lambda: SGD(0.01, momentum=0.9),
    "adam": lambda: Adam(1e-3),
    "slow adam": lambda: Adam(1e-4, weight_decay=0.01),
}
ROWS = {str(case): case.build for case in cases.OPTIMIZERS}
SLOW = {
    f"{case} {rate}": functools.partial(case.build, learning_rate=rate)
    for case in cases.OPTIMIZERS
    for rate in (1e-3, 1e-4)
}


def low(array, dtype):
    return np.asarray(array, dtype={"bfloat16": ml_dtypes.bfloat16, "float16": "float16"}[dtype])


@pytest.mark.parametrize("dtype", BITS)
def test_split(dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(10_000) * 10.0 ** rng.uniform(-2, 3, 10_000)).astype("float32")
    rounded, rest = (
        ops.convert_to_numpy(ops.cast(part, "float64"))
        for part in split(ops.convert_to_tensor(x), dtype)
    )
    assert np.mean(rounded == low(x, dtype).astype("float64")) > 0.98  # ties and carries apart
    exact = x.astype("float64")
    cut = np.abs(rounded - exact)
    assert np.all(cut <= np.maximum(np.abs(exact) * 2.0 ** -BITS[dtype] * 1.01, 2.0**-25))
    lost = np.abs(rounded + rest - exact)
    assert np.all(lost <= np.maximum(np.abs(exact) * 4.0 ** -BITS[dtype], 2.0**-25))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", BITS)
def test_steps_below_the_spacing_add_up(dtype, regime):
    # Steps of 2^-13 from 1, where bfloat16 has a spacing of 2^-8 and float16 of 2^-11 below 1.
    (weight,) = variables_of(low([1.0], dtype))
    step = stepper(SGD(2.0**-6, weight_decay=2.0**-7), [weight], regime)
    for _ in range(256):
        step([low([0.0], dtype)])
    assert float(weight[0]) == pytest.approx((1 - 2.0**-13) ** 256, abs=2.0 ** -BITS[dtype])
    # Keras' own loses every one of them.
    (weight,) = variables_of(low([1.0], dtype))
    optimizer = keras.optimizers.SGD(2.0**-6, weight_decay=2.0**-7)
    optimizer.build([weight])
    for _ in range(8):
        optimizer.apply([ops.zeros((1,), dtype)], [weight])
    assert float(weight[0]) == 1.0


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("name", ROWS)
def test_slots_are_float32_and_the_residual_is_not(name, dtype):
    optimizer = ROWS[name]()
    optimizer.build(variables_of(low(np.ones((2, 3)), dtype)))
    dtypes = {v.name: v.dtype for v in optimizer.variables if v.name.startswith("w0_")}
    assert dtypes.pop("w0_residual") == dtype
    assert set(dtypes) == {f"w0_{slot}" for slot in optimizer.slots}
    assert set(dtypes.values()) <= {"float32"}


@pytest.mark.parametrize("name", MAKE | ROWS)
def test_follows_float32(name):
    make = (MAKE | ROWS)[name]
    rng = np.random.default_rng(1)
    start = low(rng.standard_normal(50), "bfloat16")
    gradients = [low(rng.standard_normal(50), "bfloat16") for _ in range(50)]
    (rounded,) = run(make(), [start], [[g] for g in gradients])
    (exact,) = run(make(), [start.astype("float32")], [[g.astype("float32")] for g in gradients])
    np.testing.assert_allclose(rounded.astype("float32"), exact, rtol=2.0**-8, atol=1e-4)


@functools.cache
def trained(policy, name):
    return low_precision.trained(policy, (MAKE | SLOW)[name]())


@pytest.mark.parametrize("name", MAKE)
def test_bfloat16_trains_as_float32_does(name):
    loss, moved = trained("bfloat16", name)
    exact, moved_exactly = trained("float32", name)
    assert loss == pytest.approx(exact, rel=0.1)
    assert moved == pytest.approx(moved_exactly, rel=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_bfloat16_trains_as_float32_does_whole(name):
    assert trained("bfloat16", name)[0] == pytest.approx(trained("float32", name)[0], rel=0.1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_policies_train(policy):
    assert trained(policy, "adam")[0] == pytest.approx(trained("float32", "adam")[0], rel=0.1)
