"""A non-finite gradient leaves nothing behind but a count."""

import cases
import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, state_of, stepper, variables_of

from keras_trainkit.optimizers import SGD, Adam

EXTRAS = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "ema": {"use_ema": True, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 2},
    "clipping": {"global_clipnorm": 1.0},
}
START = np.array([1.0, -2.0], "float32"), np.array([[0.5]], "float32")
GOOD = [np.array([0.3, 0.2], "float32"), np.array([[0.1]], "float32")]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("make", [lambda **k: SGD(0.1, momentum=0.9, **k), Adam])
def test_all_stays(make, extra, regime):
    optimizer, variables = make(**EXTRAS[extra]), variables_of(*START)
    step = stepper(optimizer, variables, regime)
    step(GOOD)
    for count, bad in enumerate([np.nan, np.inf, -np.inf], start=1):
        before = state_of(optimizer, variables)
        step([np.array([0.3, bad], "float32"), GOOD[1]])  # the other gradient is finite
        for old, new in zip(before, state_of(optimizer, variables), strict=True):
            np.testing.assert_array_equal(old, new)
        assert int(optimizer.skipped_steps) == count

    # From here it goes on as if the bad steps had not been.
    other, others = make(**EXTRAS[extra]), variables_of(*START)
    reference = stepper(other, others, regime)
    step(GOOD)
    step(GOOD)
    for _ in range(3):
        reference(GOOD)
    for mine, theirs in zip(state_of(optimizer, variables), state_of(other, others), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("select", [False, True])
@pytest.mark.parametrize("case", cases.OPTIMIZERS, ids=str)
def test_all_stays_of_every_optimizer(case, select, dtype, monkeypatch):
    monkeypatch.setattr("keras_trainkit.optimizers.rule.should_select", lambda _: select)
    optimizer = case.build(weight_decay=0.01)
    variables = [keras.Variable(x, dtype=dtype, name=f"w{i}") for i, x in enumerate(START)]
    step = stepper(optimizer, variables)
    step(GOOD)
    before = state_of(optimizer, variables)
    step([np.array([0.3, np.nan], "float32"), GOOD[1]])
    for old, new in zip(before, state_of(optimizer, variables), strict=True):
        np.testing.assert_array_equal(old, new)
    assert int(optimizer.skipped_steps) == 1


@pytest.mark.parametrize("regime", REGIMES)
def test_the_residual_stays(regime):
    (weight,) = variables = [keras.Variable([1.0, 2.0], dtype="bfloat16")]
    optimizer = SGD(0.001, weight_decay=0.5)
    step = stepper(optimizer, variables, regime)
    step([np.ones(2)])
    before = state_of(optimizer, variables)
    assert any(0 < np.max(np.abs(x)) < 0.01 for x in before[2:])  # there is something to lose
    step([np.array([1.0, np.inf])])
    for old, new in zip(before, state_of(optimizer, variables), strict=True):
        np.testing.assert_array_equal(old, new)
    assert weight.dtype == "bfloat16"


def test_large_gradients_of_float16_are_no_infinity():
    weight = keras.Variable(np.zeros(100), dtype="float16")
    optimizer = Adam(0.125)
    optimizer.build([weight])
    optimizer.apply([ops.full((100,), 60_000, "float16")])
    assert int(optimizer.skipped_steps) == 0
    np.testing.assert_allclose(ops.convert_to_numpy(weight), -0.125, rtol=1e-3)


def test_the_count_is_saved():
    optimizer = SGD(0.1)
    weight = keras.Variable(1.0)
    optimizer.apply([ops.convert_to_tensor(np.float32("nan"))], [weight])
    store = {}
    optimizer.save_own_variables(store)
    other = SGD(0.1)
    other.build([weight])
    other.load_own_variables(store)
    assert int(other.skipped_steps) == 1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_fit(jit_compile):
    x = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    y[15] = np.nan  # in the second of four batches
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(Adam(0.01), "mse", jit_compile=jit_compile)
    model.fit(x, y, batch_size=10, shuffle=False, verbose=0)
    assert int(model.optimizer.skipped_steps) == 1
    assert int(model.optimizer.iterations) == 3
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())
