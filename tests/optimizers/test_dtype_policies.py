"""Every optimizer in `fit` under every policy, eagerly and compiled: it goes where float32 goes."""

import functools

import cases
import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, fresh

from keras_trainkit.optimizers import Adam

pytestmark = pytest.mark.slow

ROWS = {str(case): case for case in cases.OPTIMIZERS + cases.QUASI_NEWTON + cases.WRAPPERS}
# The row wraps Keras' Adam, which moves nothing in bfloat16.
average = ROWS["MovingAverage"]
ROWS["MovingAverage"] = cases.Case(average.cls, {**average.arguments, "optimizer": Adam(0.01)})
# How far off the weights may be, as a share of the way that they went.
SHARES = {"float64": 1e-3, "bfloat16": 0.2, "mixed_bfloat16": 0.2, "mixed_float16": 0.05}


@functools.cache
def trained(name, policy, regime):
    """The way of the weights in nine steps."""
    layers, rng = keras.layers, np.random.default_rng(0)
    model = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(5, "tanh", dtype=policy),
            layers.Dense(1, dtype=policy),
            layers.Activation("linear", dtype="float64" if policy == "float64" else "float32"),
        ]
    )
    model.set_weights([rng.standard_normal(w.shape) / 2 for w in model.weights])
    first = read(model)
    model.compile(
        fresh(ROWS[name]), "mse", run_eagerly=regime == "eager", jit_compile=regime == "jit"
    )
    x = rng.standard_normal((24, 6)).astype("float32")
    y = np.sin(x.sum(axis=1, keepdims=True))
    pieces = 1 if ROWS[name] in cases.QUASI_NEWTON else 3  # those take all the data at once
    model.fit(x, y, batch_size=24 // pieces, epochs=9 // pieces, shuffle=False, verbose=0)
    return read(model) - first


def read(model):
    arrays = [ops.convert_to_numpy(ops.cast(w, "float64")) for w in model.trainable_variables]
    return np.concatenate([x.ravel() for x in arrays])


@pytest.mark.parametrize("policy", SHARES)
@pytest.mark.parametrize("name", ROWS)
def test_goes_where_float32_goes(name, policy):
    exact = trained(name, "float32", REGIMES[0])
    length = np.linalg.norm(exact)
    assert length > 1e-3
    for regime in {REGIMES[0], REGIMES[-1]}:
        off = np.linalg.norm(trained(name, policy, regime) - exact)
        assert off < SHARES[policy] * length
