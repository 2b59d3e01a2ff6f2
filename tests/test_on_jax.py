"""The model side on another backend: tests of the TensorFlow run, again on JAX."""

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
    "inference/test_averaged_predictor.py::test_an_exception_and_an_interrupt_leave_the_model_as_it_was",
    "inference/test_averaged_predictor.py::test_draws_differ_and_are_the_same_for_the_same_seed",
    "inference/test_averaged_predictor.py::test_layers_named_by_their_kind_draw_wherever_they_are",
    "inference/test_averaged_predictor.py::test_metrics_are_those_of_keras_on_the_mean",
    "layers/regularization/test_stochastic_depth.py::test_both_scalings_in_training_and_testing",
    "layers/regularization/test_stochastic_depth.py::test_the_gradient_passes_where_the_row_survived",
    "layers/regularization/test_stochastic_depth.py::test_trains_inside_a_model_of_unknown_batch_size",
)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is that run")
def test_the_model_side_on_jax():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(TESTS / test) for test in AGAIN],
        cwd=TESTS.parent,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert " passed" in run.stdout
