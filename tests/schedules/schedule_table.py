"""Every schedule beside its formula, the steps to look at, and the ways to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from oracles import schedules as formula

from keras_trainkit import schedules as kit

FAR = 2**24 + 1  # the first integer that float32 cannot hold


@dataclass(frozen=True)
class Row:
    schedule: Any
    expected: Callable[[Any], float]
    ends: tuple[int, ...] = ()  # where something happens
    atol: float = 1e-15

    def __str__(self):
        return repr(self.schedule)

    @property
    def steps(self):
        """0, round each end, floats, beyond every end, and beyond 2^24."""
        near = [end + offset for end in self.ends for offset in (-1, -0.25, 0, 0.5, 1)]
        middle = [0, 1, 2.5, 3, 0.125, *(end // 2 for end in self.ends)]
        return [*middle, *near, FAR, FAR + 4, 3 * max(self.ends, default=1000)]


TABLE = [
    Row(kit.Constant(0.1), formula.constant(0.1)),
    Row(
        kit.StepDecay(0.1, [30, 60, 90]),
        formula.step(0.1, [30, 60, 90], 0.1),
        (30, 60, 90),
    ),
    Row(kit.StepDecay(0.1, [], 0.5), formula.constant(0.1)),
    Row(
        kit.StepDecay(0.1, [FAR, FAR + 2, 2**28 + 1], 0.5),
        formula.step(0.1, [FAR, FAR + 2, 2**28 + 1], 0.5),
        (FAR, FAR + 2, 2**28 + 1),
    ),
    Row(kit.CosineDecay(0.1, 1000), formula.cosine(0.1, 1000), (1000,)),
    Row(kit.CosineDecay(0.1, 100, alpha=0.05), formula.cosine_as_written(0.1, 100, 0.05), (100,)),
    Row(kit.CosineDecay(0.1, 2**29 + 1), formula.cosine(0.1, 2**29 + 1), (2**29 + 1,)),
    Row(kit.LinearDecay(0.1, 1000), formula.linear(0.1, 1000), (1000,)),
    Row(kit.LinearDecay(0.1, 2**29 + 3), formula.linear(0.1, 2**29 + 3), (2**29 + 3,)),
    Row(kit.InverseSqrtDecay(0.1), formula.inverse_sqrt(0.1), (10_000,)),
    Row(kit.Cyclical(0.01, 0.1, 20), formula.cyclical(0.01, 0.1, 20), (20, 40, 60, 80)),
    Row(
        kit.Cyclical(0.01, 0.1, 7, mode="triangular2"),
        formula.cyclical(0.01, 0.1, 7, lambda cycles, t: 0.5**cycles),
        (7, 14, 21),
    ),
    Row(
        kit.Cyclical(0.01, 0.1, 50, mode="exp_range", gamma=0.999),
        formula.cyclical(0.01, 0.1, 50, lambda cycles, t: 0.999**t),
        (50, 100, 150),
    ),
    Row(
        kit.OneCycle(0.1, 100),
        formula.one_cycle(0.1, 100, 30, 0.004, 4e-7, formula.half_cosine),
        (30, 100),
    ),
    Row(
        kit.OneCycle(0.1, 100, div_factor=1e6),
        formula.one_cycle(0.1, 100, 30, 1e-7, 1e-11, formula.half_cosine),
        (30, 100),
    ),
    Row(
        kit.OneCycle(
            0.1, 1000, 0.4, "linear", div_factor=10, final_div_factor=100, three_phase=True
        ),
        formula.one_cycle(0.1, 1000, 400, 0.01, 1e-4, formula.straight, back_at=800),
        (400, 800, 1000),
    ),
    Row(
        kit.Warmup(0.1, 5, start=0.02),
        formula.warmup(formula.constant(0.1), 5, 0.02),
        (5,),
    ),
    Row(
        kit.Warmup(kit.StepDecay(0.1, [8, 20]), 10),
        formula.warmup(formula.step(0.1, [8, 20], 0.1), 10),
        (8, 10, 20),
    ),
    Row(
        kit.Warmup(kit.StepDecay(0.1, [8, 20]), 10, start=0.01, shift=True),
        formula.warmup(formula.step(0.1, [8, 20], 0.1), 10, 0.01, shift=True),
        (10, 18, 30),
    ),
    Row(
        kit.Warmup(kit.InverseSqrtDecay(512**-0.5), 4000),
        lambda t: formula.vaswani(512, 4000)(t) if t else 0.0,
        (4000,),
    ),
    Row(
        kit.Warmup(kit.StepDecay(0.1, [2**20]), FAR, shift=True),
        formula.warmup(formula.step(0.1, [2**20], 0.1), FAR, shift=True),
        (FAR, FAR + 2**20),
    ),
    Row(
        kit.Warmup(keras.optimizers.schedules.CosineDecay(0.1, 100), 10),
        formula.warmup(formula.cosine_as_written(0.1, 100), 10),
        (10, 100),
        atol=1e-8,  # Keras' own cancellation
    ),
    Row(
        kit.WarmRestarts(kit.CosineDecay(0.1, 50), 50, growth=1),
        formula.restarts(formula.cosine(0.1, 50), 50, 1),
        (50, 100, 150),
    ),
    Row(
        kit.WarmRestarts(kit.CosineDecay(0.1, 10), 10),
        formula.restarts(formula.cosine(0.1, 10), 10, 2),
        (10, 30, 70, 150),
    ),
    Row(
        kit.WarmRestarts(kit.StepDecay(0.1, [3, 7]), 10, growth=3),
        formula.restarts(formula.step(0.1, [3, 7], 0.1), 10, 3),
        (10, 19, 31, 40, 67, 103, 130),
    ),
    Row(
        kit.Join([(0.02, 10), (kit.LinearDecay(0.1, 50), 30), (kit.CosineDecay(0.05, 40), 40)]),
        formula.join(
            (formula.constant(0.02), 10),
            (formula.linear(0.1, 50), 30),
            (formula.cosine(0.05, 40), 40),
        ),
        (10, 40, 80),
    ),
    Row(
        kit.Join([(kit.Constant(0.1), FAR), (kit.LinearDecay(0.1, 20), 10)]),
        formula.join((formula.constant(0.1), FAR), (formula.linear(0.1, 20), 10)),
        (FAR, FAR + 10),
    ),
    Row(
        kit.Warmup(
            kit.WarmRestarts(kit.Warmup(kit.CosineDecay(0.1, 20), 4), 20), 6, start=0.01, shift=True
        ),
        formula.warmup(
            formula.restarts(formula.warmup(formula.cosine(0.1, 20), 4), 20, 2), 6, 0.01, True
        ),
        (6, 26, 66),
    ),
]


def _regimes():
    """Ways to call a schedule with a Python number; float steps get to compiled code as float32."""
    eager = {"eager": lambda schedule: schedule}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def compiled(schedule, jit_compile):
            function = tf.function(schedule, jit_compile=jit_compile, autograph=False)
            return lambda step: function(
                tf.constant(step, tf.int64 if isinstance(step, int) else tf.float32)
            )

        eager["graph"] = lambda schedule: compiled(schedule, False)
        eager["xla"] = lambda schedule: compiled(schedule, True)
    if keras.backend.backend() == "jax":
        import jax

        def jitted(schedule):
            function = jax.jit(schedule)
            return lambda step: function(step if isinstance(step, int) else np.float32(step))

        eager["jit"] = jitted
    return eager


REGIMES = _regimes()
