"""The schedules' formulas, one step at a time, in exact fractions and float64.

A step is an `int` or a `Fraction`; shares of a length stay fractions until the last moment.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise


def constant(a0):
    return lambda t: a0


def step(a0, boundaries, factor):
    return lambda t: a0 * factor ** sum(t >= boundary for boundary in boundaries)


def cosine(a0, length, alpha=0.0):
    def rate(t):
        # through a half angle: in float64 too, 1 + cos cancels at the end of a long decay
        left = 1 - Fraction(min(t, length)) / length
        return a0 * (alpha + (1 - alpha) * math.sin(math.pi / 2 * left) ** 2)

    return rate


def cosine_as_written(a0, length, alpha=0.0):
    def rate(t):
        wave = (1 + math.cos(math.pi * (Fraction(min(t, length)) / length))) / 2
        return a0 * (alpha + (1 - alpha) * wave)

    return rate


def linear(a0, length):
    return lambda t: a0 * float(1 - Fraction(min(t, length)) / length)


def inverse_sqrt(a0):
    return lambda t: a0 / math.sqrt(max(t, 1))


def vaswani(width, warmup):
    """Equation 3 of the paper, at t > 0."""
    return lambda t: width**-0.5 * min(t**-0.5, t * warmup**-1.5)


def cyclical(base, top, step_size, scale=lambda cycles, t: 1.0):
    def rate(t):
        cycle = math.floor(1 + Fraction(t) / (2 * step_size))
        x = abs(Fraction(t) / step_size - 2 * cycle + 1)
        return base + (top - base) * float(max(0, 1 - x)) * scale(cycle - 1, t)

    return rate


def one_cycle(top, length, rise, start, end, anneal, back_at=None):
    """Phases from corner to corner, each by `anneal(first, last, share)`."""
    corners = [(0, start), (rise, top), *([(back_at, start)] if back_at else []), (length, end)]

    def rate(t):
        for (begin, first), (stop, last) in pairwise(corners):
            if t < stop:
                return anneal(first, last, float(Fraction(t - begin) / (stop - begin)))
        return end

    return rate


def straight(first, last, share):
    return first + (last - first) * share


def half_cosine(first, last, share):
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def warmup(inner, steps, start=0.0, shift=False):
    def rate(t):
        target = inner(0) if shift else inner(steps)
        if t < steps:
            return start + (target - start) * float(Fraction(t) / steps)
        return inner(t - steps) if shift else inner(t)

    return rate


def restarts(inner, steps, growth):
    def rate(t):
        if growth == 1:
            return inner(t % steps)
        begin, slowness = 0, 1
        while t >= begin + steps * slowness:
            begin, slowness = begin + steps * slowness, slowness * growth
        return inner(Fraction(t - begin) / slowness)

    return rate


def join(*pieces):
    def rate(t):
        for inner, steps in pieces[:-1]:
            if t < steps:
                return inner(t)
            t -= steps
        inner, steps = pieces[-1]
        return inner(min(t, steps))

    return rate
