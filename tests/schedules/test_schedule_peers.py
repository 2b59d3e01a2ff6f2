"""Keras' own schedules, where they say the same."""

import keras
import numpy as np
import pytest

from keras_trainkit.schedules import CosineDecay, LinearDecay, StepDecay, WarmRestarts, Warmup

peers = keras.optimizers.schedules


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (CosineDecay(0.1, 100), peers.CosineDecay(0.1, 100)),
        (CosineDecay(0.1, 100, alpha=0.2), peers.CosineDecay(0.1, 100, alpha=0.2)),
        (
            Warmup(CosineDecay(0.1, 100), 10, start=0.01, shift=True),
            peers.CosineDecay(0.01, 100, warmup_target=0.1, warmup_steps=10),
        ),
        (
            WarmRestarts(CosineDecay(0.1, 10), 10, growth=2),
            peers.CosineDecayRestarts(0.1, 10, t_mul=2.0),
        ),
        (
            WarmRestarts(CosineDecay(0.1, 10), 10, growth=1),
            peers.CosineDecayRestarts(0.1, 10, t_mul=1.0),
        ),
        (LinearDecay(0.1, 100), peers.PolynomialDecay(0.1, 100, end_learning_rate=0.0)),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_equals_keras(ours, theirs):
    steps = range(130)
    np.testing.assert_allclose(
        [ours(step) for step in steps], [theirs(step) for step in steps], rtol=1e-5, atol=1e-7
    )


def test_a_boundary_belongs_to_what_follows_it_unlike_in_keras():
    ours = StepDecay(0.1, [30, 60])
    theirs = peers.PiecewiseConstantDecay([30, 60], [0.1, 0.01, 0.001])
    np.testing.assert_allclose(
        [ours(step) for step in range(90)], [theirs(step + 1) for step in range(90)], rtol=1e-6
    )
    assert float(theirs(30)) == pytest.approx(0.1)
    assert float(ours(30)) == pytest.approx(0.01)


@pytest.mark.parametrize("shift", [False, True])
def test_a_wrapped_keras_schedule_sees_whole_steps(shift):
    """Past 2^24 too, in Warmup and in restarts of one length."""
    boundary = 2**24 + 1
    theirs = peers.PiecewiseConstantDecay([boundary], [1.0, 0.5])
    warm = Warmup(theirs, 10, shift=shift)
    begin = 10 if shift else 0
    assert [float(warm(begin + boundary + i)) for i in (0, 1)] == [1.0, 0.5]
    again = WarmRestarts(theirs, 2 * boundary, growth=1)
    assert [float(again(2 * boundary + boundary + i)) for i in (0, 1)] == [1.0, 0.5]
