"""Rows that a sparse gradient names move as Adam's; all others stay, moments included."""

import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, run, state_of, stepper

from keras_trainkit.optimizers import Adam, LazyAdam

if keras.backend.backend() != "tensorflow":
    pytest.skip("tf.IndexedSlices", allow_module_level=True)

import tensorflow as tf

BATCHES = [[2, 0, 2], [1, 1, 1], [0, 3, 2]]  # of a table of five rows
VALUES = np.random.default_rng(0).standard_normal((3, 3, 2))


def slices(step, dtype, indices=None):
    return tf.IndexedSlices(
        tf.cast(VALUES[step], dtype), tf.constant(indices or BATCHES[step]), tf.constant([5, 2])
    )


def lazily(start, rate, decay, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Kingma and Ba's Algorithm 1 in NumPy, row by row."""
    w, m, s = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t, (rows, values) in enumerate(zip(BATCHES, VALUES, strict=True), start=1):
        for row in set(rows):
            g = sum(v for r, v in zip(rows, values, strict=True) if r == row)
            m[row] = beta_1 * m[row] + (1 - beta_1) * g
            s[row] = beta_2 * s[row] + (1 - beta_2) * g**2
            first, second = m[row] / (1 - beta_1**t), s[row] / (1 - beta_2**t)
            w[row] = (1 - rate * decay) * w[row] - rate * first / (np.sqrt(second) + epsilon)
    return w


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("regime", REGIMES)
def test_rows(regime, dtype):
    start = np.round(np.random.default_rng(1).standard_normal((5, 2)) * 16) / 16
    table = keras.Variable(start, dtype=dtype)
    optimizer = LazyAdam(0.0625, weight_decay=0.5)
    step = stepper(optimizer, [table], regime)
    for i in range(3):
        step([slices(i, dtype)])
    rtol = {"float64": 1e-9, "bfloat16": 0.02}[dtype]
    weights = ops.convert_to_numpy(ops.cast(table, "float64"))
    np.testing.assert_allclose(weights, lazily(start, 0.0625, 0.5), rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(weights[4], start[4])

    before = state_of(optimizer, [table])
    bad = slices(0, dtype)
    step([tf.IndexedSlices(bad.values * np.nan, bad.indices, bad.dense_shape)])
    for old, new in zip(before, state_of(optimizer, [table]), strict=True):
        np.testing.assert_array_equal(old, new)
    assert int(optimizer.skipped_steps) == 1


@pytest.mark.parametrize("arguments", [{}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}])
def test_dense_gradients_are_adams(arguments):
    start, gradients = (
        np.ones((5, 2)),
        [[tf.convert_to_tensor(slices(i, "float64"))] for i in range(3)],
    )
    expected = run(Adam(0.1, **arguments), [start], gradients)
    given = gradients if not arguments else [[slices(i, "float64")] for i in range(3)]
    np.testing.assert_array_equal(run(LazyAdam(0.1, **arguments), [start], given), expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_fit(jit_compile):
    model = keras.Sequential([keras.layers.Embedding(10, 3), keras.layers.Dense(1)])
    model.compile(LazyAdam(0.1), "mse", jit_compile=jit_compile)
    model.build((None, 4))
    before = model.get_weights()[0]
    for token in (7, 3):
        model.fit(np.full((8, 4), token), np.ones((8, 4, 1)), epochs=2, verbose=0)
        if token == 7:
            seven = model.get_weights()[0][7]
    moved = np.any(model.get_weights()[0] != before, axis=1)
    assert moved.tolist() == [row in (3, 7) for row in range(10)]
    np.testing.assert_array_equal(model.get_weights()[0][7], seven)  # Adam would have moved it
