"""Every schedule against its formula in exact fractions; under TensorFlow and JAX."""

from fractions import Fraction

import numpy as np
import pytest
from schedule_table import REGIMES, TABLE


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_equals_its_formula(row, regime):
    run = REGIMES[regime](row.schedule)
    for step in row.steps:
        given = step if regime == "eager" or isinstance(step, int) else float(np.float32(step))
        rate = np.asarray(run(step))
        assert rate.dtype == np.float32
        assert rate.shape == ()
        np.testing.assert_allclose(
            rate, row.expected(Fraction(given)), rtol=3e-6, atol=row.atol, err_msg=f"step {step}"
        )
