"""The model side on another backend: tests of the TensorFlow run, the quick ones again on JAX.

`make test-jax` and `make test-torch` run the whole of the rooms that the Makefile names.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

TESTS = Path(__file__).parent
AGAIN = (
    "callbacks/test_best_snapshot.py::test_ctrl_c_leaves_the_best_on_disk",
    "callbacks/test_best_snapshot.py::test_patience_stops_and_restores",
    "callbacks/test_initial_loss_check.py::test_nothing_is_assigned",
    "callbacks/test_learning_curves.py::test_the_loss_of_each_batch",
    "callbacks/test_learning_curves.py::test_readings_are_sparser_on_jax",
    "callbacks/test_learning_rate_logger.py::test_the_rate_of_the_last_step_of_each_epoch",
    "layers/regularization/test_stochastic_depth.py::test_both_scalings_in_training_and_testing",
    "layers/regularization/test_stochastic_depth.py::test_the_gradient_passes_where_the_row_survived",
    "layers/regularization/test_stochastic_depth.py::test_trains_inside_a_model_of_unknown_batch_size",
    "schedules/test_schedule_curves.py",
)
OPTIMIZERS = (
    "(regimes or all_stays and (decay or accumulation) or residual_stays) and jit"
    " or (test_lookahead and kit or averages and not dynamic) and jit"
    " or spacing and bfloat16 and jit or bfloat16_trains and sgd or keras_file and sgd and bfloat16"
)


def on_jax(*arguments, **environment):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=TESTS.parent,
        env={**os.environ, "KERAS_BACKEND": "jax", **environment},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert " passed" in run.stdout


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is that run")
def test_the_model_side_on_jax():
    on_jax(*(str(TESTS / test) for test in AGAIN))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is that run")
def test_the_optimizers_on_jax():
    on_jax("-k", OPTIMIZERS, str(TESTS / "optimizers"), JAX_ENABLE_X64="1")
