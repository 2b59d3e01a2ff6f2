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
    "callbacks/test_activation_statistics.py::test_the_cases_of_the_lecture[tanh-glorot_normal]",
    "callbacks/test_activation_statistics.py::test_layers_are_found_wherever_they_are",
    "callbacks/test_activation_statistics.py::test_nothing_is_left_behind",
    "callbacks/test_average_model_checkpoint.py::test_each_file_holds_the_average_of_its_epoch[SWA]",
    "callbacks/test_best_snapshot.py::test_ctrl_c_leaves_the_best_on_disk",
    "callbacks/test_best_snapshot.py::test_patience_stops_and_restores",
    "callbacks/test_initial_loss_check.py::test_nothing_is_assigned",
    "callbacks/test_learning_curves.py::test_the_loss_of_each_batch",
    "callbacks/test_learning_curves.py::test_readings_are_sparser_on_jax",
    "callbacks/test_learning_rate_logger.py::test_the_rate_of_the_last_step_of_each_epoch",
    "callbacks/test_snapshot_ensemble.py::test_each_holds_the_weights_of_the_end_of_its_cycle[plain]",
    "callbacks/test_snapshot_ensemble.py::test_the_state_is_read_only_where_a_cycle_ends",
    "callbacks/test_swap_averages.py::test_an_interrupt_gives_the_weights_back",
    "callbacks/test_swap_averages.py::test_savers_see_averages_training_does_not[moving average]",
    "callbacks/test_swap_averages.py::test_one_evaluation_or_prediction[predict-Keras' average]",
    "callbacks/test_time_stopping.py::test_where_training_stops[arguments1-4-0]",
    "layers/regularization/test_drop_connect.py::test_a_step_moves_the_weights_that_were_not_dropped",
    "layers/regularization/test_drop_block_2d.py::test_what_is_left_keeps_the_mean_of_the_batch",
    "layers/regularization/test_drop_path.py::test_the_gradient_passes_where_the_row_was_kept",
    "layers/regularization/test_fractional_max_pooling_2d.py::test_of_equal_pixels_one_gets_the_gradient",
    "layers/regularization/test_fractional_max_pooling_2d.py::test_trains_inside_a_model[True]",
    "layers/regularization/test_skippable_block.py::test_a_training_step_is_that_of_the_plain_formula[xla-auto-test]",
    "layers/regularization/test_skippable_block.py::test_a_training_step_is_that_of_the_plain_formula[xla-True-inverted]",
    "layers/regularization/test_skippable_block.py::test_draws_trace_nothing_anew",
    "layers/regularization/test_skippable_block.py::test_on_jax_a_block_is_masked_unless_told",
    "inference/test_averaged_predictor.py::test_an_exception_and_an_interrupt_leave_the_model_as_it_was",
    "inference/test_averaged_predictor.py::test_draws_differ_and_are_the_same_for_the_same_seed",
    "inference/test_averaged_predictor.py::test_layers_named_by_their_kind_draw_wherever_they_are",
    "inference/test_averaged_predictor.py::test_metrics_are_those_of_keras_on_the_mean",
    "layers/regularization/test_stochastic_depth.py::test_both_scalings_in_training_and_testing",
    "layers/regularization/test_stochastic_depth.py::test_the_gradient_passes_where_the_row_survived",
    "layers/regularization/test_stochastic_depth.py::test_trains_inside_a_model_of_unknown_batch_size",
    "schedules/test_schedule_curves.py",
    "tuning/test_find_learning_rate.py::test_an_interrupt_leaves_it_as_before[KeyboardInterrupt]",
    "tuning/test_find_learning_rate.py::test_the_callback_sets_the_rate_and_trains_from_the_start",
    "tuning/test_overfit_small_sample.py::test_chance_labels_are_learned_by_heart",
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
