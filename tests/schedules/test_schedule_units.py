"""Epochs as steps, batch sizes as rates, and names."""

import keras
import numpy as np
import pytest

from keras_trainkit.schedules import (
    CosineDecay,
    Join,
    StepDecay,
    Warmup,
    in_epochs,
    linear_scaling,
)


def test_epochs_are_steps():
    assert in_epochs(30, 391) == 11730
    assert in_epochs([30, 60, 90], 391) == (11730, 23460, 35190)
    assert in_epochs(range(3), 10) == (0, 10, 20)
    assert in_epochs(0.5, 5) == 2  # round half to even, as Python does
    assert in_epochs(2.5, 391) == 978
    assert in_epochs(np.array([1.0, 0.1]), 30) == (30, 3)
    assert in_epochs(np.float32(2), np.int64(7)) == 14
    assert all(type(steps) is int for steps in in_epochs(np.array([1.0, 2.0]), np.int32(3)))


def test_epochs_go_into_a_schedule():
    assert StepDecay(0.1, in_epochs([30, 60], 10)).boundaries == (300, 600)


def test_the_rate_grows_with_the_batch():
    assert linear_scaling(0.1, 8192) == pytest.approx(3.2)
    assert linear_scaling(0.1, 256) == 0.1
    assert linear_scaling(0.1, 32, base_batch_size=64) == pytest.approx(0.05)


def test_a_schedule_reads_as_its_constructor():
    assert repr(CosineDecay(0.1, 1000)) == "CosineDecay(0.1, 1000)"
    assert repr(CosineDecay(0.1, 1000, alpha=0.1)) == "CosineDecay(0.1, 1000, alpha=0.1)"
    assert repr(StepDecay(0.1, [5])) == "StepDecay(0.1, (5,))"
    theirs = keras.optimizers.schedules.CosineDecay(0.1, 10)
    assert repr(Warmup(theirs, 5, shift=True)) == "Warmup(CosineDecay(...), 5, shift=True)"
    assert repr(Join([(0.1, 5)])) == "Join(((Constant(0.1), 5),))"
