"""Steps of every kind, and integer steps that stay exact."""

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from cases import SCHEDULES
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_table import REGIMES

from keras_trainkit.schedules import (
    CosineDecay,
    Cyclical,
    Join,
    LinearDecay,
    StepDecay,
    WarmRestarts,
    Warmup,
)

BIG = 2**40 + 1  # far beyond what float32 counts, and odd

KINDS = {
    "int": int,
    "float": float,
    **{
        np.dtype(kind).name: np.dtype(kind).type
        for kind in (np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float16, np.float64)
    },
    "bfloat16": ml_dtypes.bfloat16,
    "0-d array": np.asarray,
    "int32 tensor": lambda step: tf.constant(step, tf.int32),
    "int64 tensor": lambda step: tf.constant(step, tf.int64),
    "float16 tensor": lambda step: tf.constant(step, tf.float16),
    "float64 tensor": lambda step: tf.constant(step, tf.float64),
    "tf.Variable": lambda step: tf.Variable(step, dtype=tf.int64),
    "Keras Variable": lambda step: keras.Variable(step, dtype="int64", trainable=False),
    "Keras float Variable": lambda step: keras.Variable(step, dtype="float32"),
    "iterations": lambda step: _iterations(step),
}


def _iterations(step):
    optimizer = keras.optimizers.SGD()
    optimizer.iterations.assign(step)
    return optimizer.iterations


@pytest.mark.parametrize("kind", KINDS)
def test_takes_a_step_of_any_kind(kind):
    schedule = Warmup(StepDecay(0.1, [30]), 10)
    for step, expected in ((0, 0.0), (4, 0.04), (29, 0.1), (30, 0.01)):
        rate = schedule(KINDS[kind](step))
        assert rate.dtype == tf.float32
        assert float(rate) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_regimes_agree(row, regime):
    schedule = row.build()
    run = REGIMES[regime](schedule)
    for step in (0, 4, 9, 10, 25, 40, 1000, BIG, 3.5, 17.25):
        np.testing.assert_allclose(run(step), schedule(step), rtol=1e-6)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(
    ("schedule", "last", "rate"),
    [
        (StepDecay(1.0, [BIG], 0.5), BIG - 1, 1.0),
        (StepDecay(1.0, [BIG], 0.5), BIG, 0.5),
        (Warmup(StepDecay(1.0, [BIG], 0.5), 10), BIG - 1, 1.0),
        (Warmup(StepDecay(1.0, [BIG], 0.5), 10), BIG, 0.5),
        (Warmup(StepDecay(1.0, [BIG], 0.5), 10, shift=True), BIG + 9, 1.0),
        (Warmup(StepDecay(1.0, [BIG], 0.5), 10, shift=True), BIG + 10, 0.5),
        (Join([(1.0, BIG), (0.5, 1)]), BIG - 1, 1.0),
        (Join([(1.0, BIG), (0.5, 1)]), BIG, 0.5),
        (WarmRestarts(StepDecay(1.0, [5], 0.5), 10, growth=1), 10 * BIG + 4, 1.0),
        (WarmRestarts(StepDecay(1.0, [5], 0.5), 10, growth=1), 10 * BIG + 5, 0.5),
        # period 3 starts after 3 + 6 + 12 periods' worth of BIG, and is 8 times as long
        (WarmRestarts(StepDecay(1.0, [BIG // 2], 0.5), BIG), 7 * BIG + 8 * (BIG // 2) - 1, 1.0),
        (WarmRestarts(StepDecay(1.0, [BIG // 2], 0.5), BIG), 7 * BIG + 8 * (BIG // 2), 0.5),
        (WarmRestarts(StepDecay(1.0, [BIG // 2], 0.5), BIG), 15 * BIG, 1.0),
        (Cyclical(0.0, 3.0, 3), 6 * BIG, 0.0),
        (Cyclical(0.0, 3.0, 3), 6 * BIG + 1, 1.0),
        (Cyclical(0.0, 3.0, 3), 6 * BIG + 3, 3.0),
        (Cyclical(0.0, 3.0, 3), 6 * BIG + 5, 1.0),
        (LinearDecay(1.0, BIG), BIG - 1, 1 / BIG),
        (LinearDecay(1.0, BIG), BIG, 0.0),
        (CosineDecay(1.0, BIG), BIG - 3, (3 * np.pi / 2 / BIG) ** 2),
    ],
    ids=str,
)
def test_integer_steps_are_exact_past_2_to_the_24(schedule, last, rate, regime):
    assert float(REGIMES[regime](schedule)(last)) == pytest.approx(rate, rel=1e-6)


def test_float_steps_past_2_to_the_24_keep_what_they_came_with():
    """Python floats and float64 tensors carry 53 bits."""
    boundary = 2**24 + 1
    schedule = StepDecay(1.0, [boundary], 0.5)
    for kind in (float, np.float64, lambda step: tf.constant(step, tf.float64)):
        assert float(schedule(kind(boundary - 0.5))) == 1.0
        assert float(schedule(kind(boundary))) == 0.5


def test_lengths_that_64_bits_only_just_hold():
    longest = 2**63 - 1
    assert float(LinearDecay(1.0, longest)(2**62)) == pytest.approx(0.5)
    assert float(Warmup(1.0, longest)(2**62)) == pytest.approx(0.5)
    assert float(Join([(1.0, longest), (0.5, longest)])(2**62)) == 1.0
    assert float(WarmRestarts(LinearDecay(1.0, longest), longest)(2**62)) == pytest.approx(0.5)
    assert float(Cyclical(0.0, 1.0, longest)(2**62)) == pytest.approx(0.5)


@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_steps_out_of_range_are_read_as_its_ends(row):
    schedule = row.build()
    start, end = float(schedule(0)), float(schedule(2**62))
    below = [-1, -0.5, -(2**70), float("-inf"), float("nan"), np.float32("nan")]
    below += [tf.constant(step) for step in (-7, -0.5, float("-inf"), float("nan"))]
    for step in below:
        assert float(schedule(step)) == start
    beyond = [2**80, 1e300, float("inf"), np.float16("inf"), np.uint64(2**64 - 1)]
    beyond += [tf.constant(float("inf")), tf.constant(2**63 - 1), tf.constant(1e300, tf.float64)]
    for step in beyond:
        rate = float(schedule(step))
        assert 0 <= rate < 1
        if type(schedule) not in (Cyclical, WarmRestarts):  # those have no end
            assert rate == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("row", SCHEDULES, ids=str)
@settings(max_examples=60, deadline=None)
@given(
    step=st.one_of(
        st.integers(),
        st.integers(0, 100),
        st.floats(),
        st.floats(0, 100),
        st.integers(-(2**63), 2**63 - 1).map(np.int64),
        st.floats(width=32).map(np.float32),
        st.floats(width=32).map(lambda step: tf.constant(step, tf.float32)),
        st.floats().map(lambda step: tf.constant(step, tf.float64)),
        st.floats(width=16).map(lambda step: tf.constant(step, tf.float16)),
    )
)
def test_never_negative_or_nan(row, step):
    rate = float(row.build()(step))
    assert 0 <= rate <= np.float32(0.1)


class Wild(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of someone else's: float64, below 0, and NaN at the end."""

    def __call__(self, step):
        step = tf.cast(step, tf.float64)
        return tf.where(step > 9, np.nan, 5.0 - step)


def test_a_wrapped_schedule_cannot_spoil_the_rate():
    for schedule in (Join([(Wild(), 20)]), WarmRestarts(Wild(), 20), Warmup(Wild(), 1)):
        rates = [schedule(step) for step in (2, 8, 10)]
        assert [float(rate) for rate in rates] == [3.0, 0.0, 0.0]
        assert all(rate.dtype == tf.float32 for rate in rates)
