import numpy as np
import pytest
from keras import ops

from keras_trainkit.optimizers.bias_correction import filled_share


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 0.9999])
def test_float32_is_precise(beta):
    t = np.array([1.0, 2.0, 10.0, 1e3, 1e6])
    share = ops.convert_to_numpy(filled_share(beta, ops.cast(t, "float32")))
    exact = 1 - np.float64(beta) ** t  # naively in float32 it is off by 1e-5 at t = 1
    np.testing.assert_allclose(np.broadcast_to(share, t.shape), exact, rtol=3e-7)
