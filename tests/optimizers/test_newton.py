"""Newton's step against the Hessian written out, and what a model round a model must keep."""

import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES

if keras.backend.backend() == "torch":
    pytest.skip("TensorFlow and JAX only", allow_module_level=True)

from keras_trainkit.optimizers import Newton

DECAY = 0.01


def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3)).astype("float32")
    return x, (x @ [1.0, -2.0, 0.5] + rng.standard_normal(40) > 0).astype("float32")


def logistic(**arguments):
    """A Newton round logistic regression with an L2 term."""
    layer = keras.layers.Dense(
        1, "sigmoid", kernel_regularizer=keras.regularizers.L2(DECAY), use_bias=False
    )
    newton = Newton(keras.Sequential([keras.layers.Input((3,)), layer]), damping=0.25)
    newton.compile(loss="binary_crossentropy", metrics=["accuracy"], **arguments)
    return newton


def step_written_out(w, x, y, damping):
    p = 1 / (1 + np.exp(-x @ w))
    gradient = x.T @ (p - y) / len(x) + 2 * DECAY * w
    hessian = (x.T * (p * (1 - p))) @ x / len(x) + 2 * DECAY * np.eye(3)
    return np.linalg.solve(hessian + damping * np.eye(3), gradient)


@pytest.mark.parametrize(
    "regime", [r for r in REGIMES if r != "jit" or keras.backend.backend() == "jax"]
)
def test_the_step_in_all_regimes(regime):
    x, y = data()
    newton = logistic(run_eagerly=regime == "eager", jit_compile=regime == "jit")
    damping = 0.25
    for _ in range(3):
        before = newton.model.get_weights()[0][:, 0].astype("float64")
        newton.fit(x, y, batch_size=40, verbose=0)
        expected = before - step_written_out(before, x, y, damping)
        np.testing.assert_allclose(newton.model.get_weights()[0][:, 0], expected, rtol=1e-4)
        damping /= 4  # the loss is convex: every step is good
    history = newton.fit(x, y, batch_size=40, epochs=5, verbose=0).history
    assert history["accuracy"][-1] == newton.evaluate(x, y, batch_size=40, verbose=0)[1] > 0.7
    w = newton.model.get_weights()[0][:, 0]
    assert np.max(np.abs(step_written_out(w.astype("float64"), x, y, 0))) < 1e-5


def network(width=4):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential([layers.Input((2,)), layers.Dense(width, "tanh"), layers.Dense(1)])


def exclusive_or():
    x = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], "float32")
    return x, x.prod(axis=1, keepdims=True)


def test_no_step_leads_up_and_the_saddle_is_left():
    x, _ = exclusive_or()
    y = 2 * x[:, :1]
    model = network()
    model.set_weights([0.01 * w for w in model.get_weights()])  # all but at the saddle
    newton = Newton(model)
    newton.compile(loss="mse", jit_compile=keras.backend.backend() == "jax")
    losses = newton.fit(x, y, batch_size=4, epochs=40, verbose=0).history["loss"]
    assert np.all(np.diff(losses) <= 1e-6 * np.array(losses[1:]))
    assert losses[0] > 3.9
    assert losses[-1] < 1e-4
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), y, atol=0.05)


def test_a_bad_batch_changes_nothing_but_the_damping():
    x, y = exclusive_or()
    newton = Newton(network(), damping=0.5)
    newton.compile(loss="mse", run_eagerly=keras.backend.backend() == "tensorflow")
    before = newton.model.get_weights()
    newton.fit(np.where(x > 0, np.nan, x), y, batch_size=4, verbose=0)
    for old, new in zip(before, newton.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(newton.non_trainable_variables[0]) == 4.0


def test_save_and_go_on(tmp_path):
    x, y = exclusive_or()
    newton = Newton(network())
    newton.compile(loss="mse", run_eagerly=keras.backend.backend() == "tensorflow")
    newton.fit(x, y, batch_size=4, epochs=3, verbose=0)
    newton.save(tmp_path / "newton.keras")
    again = keras.models.load_model(tmp_path / "newton.keras")
    for a, b in zip(newton.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # the damping, too
    for one in (newton, again):
        one.fit(x, y, batch_size=4, epochs=3, verbose=0)
    for a, b in zip(newton.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_refusals():
    with pytest.raises(ValueError, match="`Newton`: `damping` must be a finite number above 0"):
        Newton(network(), damping=0)
    with pytest.raises(ValueError, match="`Newton`: `model` must be a Keras model, got 3"):
        Newton(3)
    newton = Newton(network(1001))
    newton.compile(loss="mse", run_eagerly=keras.backend.backend() == "tensorflow")
    with pytest.raises(ValueError, match=r"at most 4,000 weights, got 4,005\. Use"):
        newton.fit(*exclusive_or(), verbose=0)
