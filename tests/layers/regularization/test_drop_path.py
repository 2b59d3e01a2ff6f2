"""Drop path: rows of a batch are dropped whole."""

import keras
import numpy as np
import pytest
from gradients import gradients
from keras import ops

from keras_trainkit.layers import DropPath, StochasticDepth


def trained(layer, *shape):
    return ops.convert_to_numpy(layer(np.ones(shape, "float32"), training=True))


@pytest.mark.parametrize("shape", [(3,), (4, 5), (4, 5, 2), (2, 3, 4, 2)], ids=str)
def test_rows_are_kept_or_dropped_whole(shape):
    layer = DropPath(0.3, seed=1)
    out = trained(layer, 64, *shape).reshape(64, -1)
    assert (out == out[:, :1]).all()
    np.testing.assert_allclose(np.unique(out[:, 0]), [0, 1 / 0.7], rtol=1e-6)
    x = np.random.default_rng(0).normal(size=(5, *shape)).astype("float32")
    for training in (False, None):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, training=training)), x)


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_a_row_is_dropped_with_its_probability_and_by_itself(rate):
    layer = DropPath(rate, seed=2)
    draws = np.stack([trained(layer, 8, 1)[:, 0] for _ in range(800)])
    error = np.sqrt(rate * (1 - rate) / draws.size)
    assert abs((draws == 0).mean() - rate) < 4 * error
    assert abs(draws.mean() - 1) < 4 * error / (1 - rate)
    correlations = np.corrcoef(draws.T)[np.triu_indices(8, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(len(draws))


def test_it_is_the_branch_of_stochastic_depth():
    drop = trained(DropPath(0.25, seed=3), 4000, 1)
    branch = np.ones((4000, 1), "float32")
    depth = StochasticDepth(0.75, scaling="inverted", seed=4)
    summed = ops.convert_to_numpy(depth([np.zeros_like(branch), branch], training=True))
    np.testing.assert_allclose(np.unique(drop), np.unique(summed), rtol=1e-6)
    assert abs(drop.mean() - summed.mean()) < 5 * np.sqrt(2 / 4000 / 3)


def test_no_rate_is_the_identity():
    np.testing.assert_array_equal(trained(DropPath(0), 5, 3), np.ones((5, 3)))


def test_the_seed_decides():
    def draws(seed):
        layer = DropPath(seed=seed)
        return [trained(layer, 40, 1) for _ in range(2)]

    first, second = draws(5)
    assert (first != second).any()
    assert (draws(5)[1] == second).all()
    assert (draws(6)[1] != second).any()


def test_the_gradient_passes_where_the_row_was_kept():
    kept = trained(DropPath(seed=7), 16, 3)
    layer = DropPath(seed=7)
    (gradient,) = gradients(lambda x: ops.sum(layer(x, training=True)), np.ones((16, 3), "float32"))
    np.testing.assert_array_equal(gradient, kept)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_computes_low_and_draws_fine(dtype):
    layer = DropPath(0.001, dtype=f"mixed_{dtype}", seed=8)
    out = layer(np.ones((40_000, 1), "float32"), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    dropped = int(ops.sum(ops.cast(ops.equal(out, 0), "int32")))
    assert abs(dropped - 40) < 4 * np.sqrt(40)


@pytest.mark.parametrize("jit", [False, True])
def test_trains_inside_a_model_of_unknown_batch_size(jit, tmp_path):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    inputs = keras.Input((4,))
    branch = DropPath(0.2, seed=3)(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.add([inputs, branch]))
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
    history = model.fit(x, x, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rate": 1}, "`DropPath`: `rate` must be a finite number at least 0 and below 1, got 1."),
        ({"rate": -0.1}, "got -0.1."),
        ({"seed": 1.5}, "`seed` must be a whole number of at least 0, got 1.5."),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="DropPath") as refusal:
        DropPath(**arguments)
    assert str(refusal.value).endswith(sentence)
