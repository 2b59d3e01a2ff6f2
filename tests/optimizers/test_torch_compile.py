"""Every optimizer in `fit` under PyTorch's compiler, which Keras uses for `jit_compile=True`."""

import cases
import keras
import numpy as np
import pytest
from optimizer_runs import fresh

ROWS = {str(case): case for case in cases.OPTIMIZERS + cases.QUASI_NEWTON + cases.WRAPPERS}
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="of PyTorch's compiler; the other tests compile on TensorFlow and JAX",
)


def trained(name, jit_compile):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(5, "tanh")])
    model.add(keras.layers.Dense(1))
    model.compile(fresh(ROWS[name]), "mse", jit_compile=jit_compile)
    x = np.random.default_rng(0).standard_normal((24, 6)).astype("float32")
    y = np.sin(x.sum(axis=1, keepdims=True))
    model.fit(x, y, batch_size=12, epochs=3, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("name", ROWS)
def test_goes_where_eager_goes(name):
    for compiled, eager in zip(trained(name, True), trained(name, False), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-5)
