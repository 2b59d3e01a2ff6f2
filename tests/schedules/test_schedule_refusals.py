"""Bad arguments: one sentence that names the class, the argument, the rule and the value."""

import math
import re

import keras
import pytest

from keras_trainkit import schedules as kit


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: kit.Constant(-0.1), "`Constant`: `learning_rate` must be a finite number at "),
        (lambda: kit.Constant(math.nan), "`Constant`: `learning_rate` must"),
        (lambda: kit.Constant("0.1"), "got '0.1'"),
        (lambda: kit.CosineDecay(0.1, 0), "`decay_steps` must be a whole number of at least 1"),
        (lambda: kit.CosineDecay(0.1, 10.5), "got 10.5"),
        (lambda: kit.CosineDecay(0.1, 2**63), "`decay_steps` must be a number of steps below 2^63"),
        (lambda: kit.CosineDecay(-1, 10), "`CosineDecay`: `initial_learning_rate` must"),
        (lambda: kit.CosineDecay(0.1, 10, alpha=1.5), "`alpha` must be a probability"),
        (lambda: kit.LinearDecay(math.inf, 10), "`LinearDecay`: `initial_learning_rate` must"),
        (lambda: kit.LinearDecay(0.1, True), "`LinearDecay`: `decay_steps` must"),
        (lambda: kit.InverseSqrtDecay(None), "`InverseSqrtDecay`: `initial_learning_rate` must"),
        (lambda: kit.StepDecay(0.1, 30), "`boundaries` must be a sequence of steps, got 30"),
        (lambda: kit.StepDecay(0.1, "30"), "`boundaries` must be a sequence of steps, got '30'"),
        (lambda: kit.StepDecay(0.1, [30, 30]), "`boundaries` must increase"),
        (lambda: kit.StepDecay(0.1, [30, 20]), "got [30, 20]"),
        (lambda: kit.StepDecay(0.1, [0, 20]), "`boundaries` must be a whole number of at least 1"),
        (lambda: kit.StepDecay(0.1, [2.5]), "got 2.5"),
        (lambda: kit.StepDecay(0.1, [30], factor=0), "`factor` must"),
        (lambda: kit.StepDecay(0.1, [30], factor=1.1), "`factor` must"),
        (lambda: kit.Cyclical(0.1, 0.01, 5), "`max_learning_rate` must be at least `base_l"),
        (lambda: kit.Cyclical(-0.1, 0.1, 5), "`Cyclical`: `base_learning_rate` must"),
        (lambda: kit.Cyclical(0.01, 0.1, 0), "`Cyclical`: `step_size` must"),
        (lambda: kit.Cyclical(0.01, 0.1, 5, mode="saw"), "`mode` must be one of 'triangular'"),
        (lambda: kit.Cyclical(0.01, 0.1, 5, gamma=2), "`Cyclical`: `gamma` must"),
        (lambda: kit.OneCycle(-1, 10), "`OneCycle`: `max_learning_rate` must"),
        (lambda: kit.OneCycle(0.1, 1), "`total_steps` must be a whole number of at least 2"),
        (lambda: kit.OneCycle(0.1, 10, pct_start=1), "`OneCycle`: `pct_start` must"),
        (lambda: kit.OneCycle(0.1, 10, pct_start=0.01), "leave each phase a step of the 10 in"),
        (lambda: kit.OneCycle(0.1, 10, 0.5, three_phase=True), "leave each phase a step"),
        (lambda: kit.OneCycle(0.1, 10, anneal_strategy="exp"), "must be one of 'cos', 'linear'"),
        (lambda: kit.OneCycle(0.1, 10, div_factor=0.5), "`OneCycle`: `div_factor` must"),
        (lambda: kit.OneCycle(0.1, 10, final_div_factor=0), "`final_div_factor` must"),
        (lambda: kit.OneCycle(0.1, 10, three_phase=1), "`three_phase` must be True or False"),
        (lambda: kit.Warmup(None, 5), "`schedule` must be a learning-rate schedule or a number"),
        (lambda: kit.Warmup(kit.CosineDecay, 5), "`Warmup`: `schedule` must be a learning-rate"),
        (lambda: kit.Warmup(keras.optimizers.SGD(), 5), "`Warmup`: `schedule` must be a learning"),
        (lambda: kit.Warmup(-0.1, 5), "`Warmup`: `schedule` must be a finite number at least 0"),
        (lambda: kit.Warmup(0.1, 0), "`Warmup`: `steps` must be a whole number of at least 1"),
        (lambda: kit.Warmup(0.1, 5, start=-1), "`Warmup`: `start` must"),
        (lambda: kit.Warmup(0.1, 5, shift="no"), "`Warmup`: `shift` must be True or False"),
        (lambda: kit.WarmRestarts("cosine", 5), "`WarmRestarts`: `schedule` must be a learning"),
        (lambda: kit.WarmRestarts(0.1, -5), "`WarmRestarts`: `steps` must"),
        (lambda: kit.WarmRestarts(0.1, 5, growth=1.5), "`WarmRestarts`: `growth` must be a whole"),
        (lambda: kit.Join([]), "`Join`: `schedules` must be a sequence of pairs"),
        (lambda: kit.Join(0.1), "`schedules` must be a sequence of pairs (schedule, steps)"),
        (lambda: kit.Join([0.1, 0.2]), "`schedules` must be a sequence of pairs"),
        (lambda: kit.Join([(0.1, 5, 6)]), "`schedules` must be a sequence of pairs"),
        (lambda: kit.Join([(0.1, 0)]), "`Join`: `schedules` must be a whole number of at least 1"),
        (lambda: kit.Join([("a", 5)]), "`schedules` must be a learning-rate schedule or a number"),
        (lambda: kit.in_epochs(-1, 10), "`in_epochs`: `epochs` must be a finite number at least 0"),
        (lambda: kit.in_epochs([1, None], 10), "`in_epochs`: `epochs` must"),
        (lambda: kit.in_epochs("30", 10), "`in_epochs`: `epochs` must"),
        (lambda: kit.in_epochs(30, 0), "`in_epochs`: `steps_per_epoch` must"),
        (lambda: kit.linear_scaling(-0.1, 64), "`linear_scaling`: `rate` must"),
        (lambda: kit.linear_scaling(0.1, 0), "`linear_scaling`: `batch_size` must"),
        (lambda: kit.linear_scaling(0.1, 64, 0), "`linear_scaling`: `base_batch_size` must"),
        (lambda: kit.plot([], 10), "`plot`: `schedules` must hold at least one schedule, got []"),
        (lambda: kit.plot(0.1, 0), "`plot`: `steps` must be a whole number of at least 1, got 0"),
        (lambda: kit.plot("cosine", 10), "`plot`: `schedules` must be a learning-rate schedule"),
    ],
)
def test_refuses_with_one_sentence(build, words):
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        build()
    assert "\n" not in str(refusal.value)
