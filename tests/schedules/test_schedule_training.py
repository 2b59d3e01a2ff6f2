"""Schedules inside optimizers, models, files and dtype policies."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import SCHEDULES

from keras_trainkit.schedules import CosineDecay, Join, WarmRestarts, Warmup

WRAPPERS = {"LossScaleOptimizer", "MultiOptimizer", "Optimizer", "OptimizerMap"}
OPTIMIZERS = [
    kind
    for name, kind in sorted(vars(keras.optimizers).items())
    if inspect.isclass(kind) and name not in WRAPPERS
]
DEEP = Warmup(
    Join(
        [
            (WarmRestarts(CosineDecay(0.1, 3), 3), 9),
            (Warmup(keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5), 2, shift=True), 20),
        ]
    ),
    2,
    start=0.01,
)


@pytest.fixture
def policy():
    """Sets a dtype policy; float32 is back after the test."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def floatx():
    yield keras.config.set_floatx
    keras.config.set_floatx("float32")


def _model(learning_rate, optimizer=keras.optimizers.SGD):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer(learning_rate=learning_rate), loss="mse")
    return model


def _fit(model, epochs=1):
    x = np.linspace(-1, 1, 48, dtype="float32").reshape(16, 3)
    model.fit(x, x[:, :2], batch_size=4, epochs=epochs, verbose=0, shuffle=False)


def _rates(schedule):
    return [float(schedule(step)) for step in (0, 1, 3, 8, 10.5, 17, 40)]


@pytest.mark.parametrize("row", [*SCHEDULES, DEEP], ids=lambda row: str(row)[:30])
def test_round_trips_through_json(row):
    schedule = row.build() if hasattr(row, "build") else row
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(schedule)))
    back = keras.saving.deserialize_keras_object(config)
    assert type(back) is type(schedule)
    assert back.get_config() == schedule.get_config()
    assert repr(back) == repr(schedule)
    assert _rates(back) == _rates(schedule)
    assert _rates(type(schedule).from_config(schedule.get_config())) == _rates(schedule)


def test_config_holds_plain_values():
    schedule = CosineDecay(np.float32(0.5), np.int64(10), alpha=np.float64(0.25))
    assert schedule.get_config() == {"initial_learning_rate": 0.5, "decay_steps": 10, "alpha": 0.25}
    assert [type(value) for value in schedule.get_config().values()] == [float, int, float]


@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_survives_saving_a_model(row, tmp_path):
    model = _model(row.build(), keras.optimizers.Adam)
    _fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 4
    assert float(loaded.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    schedule = keras.optimizers.schedules.deserialize(
        loaded.optimizer.get_config()["learning_rate"]
    )
    assert _rates(schedule) == _rates(row.build())
    _fit(model)
    _fit(loaded)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_is_the_rate_of_any_keras_optimizer(optimizer):
    model = _model(DEEP, optimizer)
    _fit(model)
    assert int(model.optimizer.iterations) == 4
    assert float(model.optimizer.learning_rate) == float(DEEP(4))
    assert np.all(np.isfinite(model.get_weights()[0]))
    back = optimizer.from_config(model.optimizer.get_config())
    assert float(back.learning_rate) == float(DEEP(0))


def test_trains_at_the_rates_that_it_says():
    """SGD on the loss w: each step takes the present rate off the weight."""
    schedule = Warmup(CosineDecay(0.1, 20), 5)
    optimizer = keras.optimizers.SGD(schedule)
    weight = keras.Variable(0.0)
    optimizer.build([weight])
    for jit_compile in (False, True):
        step = tf.function(lambda: optimizer.apply([tf.constant(1.0)]), jit_compile=jit_compile)
        for _ in range(5):
            step()
    total = sum(float(schedule(step)) for step in range(10))
    assert float(weight) == pytest.approx(-total, rel=1e-6)


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float16"])
@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_stays_float32_under_every_policy(row, name, policy):
    expected = _rates(row.build())
    policy(name)
    schedule = row.build()
    assert all(schedule(step).dtype == tf.float32 for step in (0, 3, 10.5, tf.constant(7)))
    assert _rates(schedule) == expected


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_stays_float32_under_every_floatx(row, name, floatx):
    expected = _rates(row.build())
    floatx(name)
    schedule = row.build()
    assert all(schedule(step).dtype == tf.float32 for step in (0, 3, 10.5, tf.constant(7)))
    tolerance = 1e-6 if row.cls is not Warmup else 0.1  # Keras' CosineDecay computes in floatx
    np.testing.assert_allclose(_rates(schedule), expected, rtol=tolerance, atol=1e-4)


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_trains_and_loads_under_low_precision(name, policy, tmp_path):
    policy(name)
    model = _model(DEEP, keras.optimizers.Adam)
    _fit(model)
    assert all(np.all(np.isfinite(np.asarray(w, "float32"))) for w in model.get_weights())
    rate = model.optimizer.learning_rate
    assert rate.dtype == tf.float32
    assert float(rate) == float(DEEP(4))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == float(rate)


def test_counts_micro_batches_as_keras_does():
    optimizer = keras.optimizers.SGD(CosineDecay(0.1, 10), gradient_accumulation_steps=2)
    weight = keras.Variable(0.0)
    optimizer.build([weight])
    for _ in range(4):
        optimizer.apply([tf.constant(1.0)])
    assert float(optimizer.learning_rate) == float(CosineDecay(0.1, 10)(4))
