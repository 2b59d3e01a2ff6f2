"""One rise and one fall."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number, one_of, refuse
from keras_trainkit._core.registration import register
from keras_trainkit.schedules import easing
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock


@register
class OneCycle(Schedule):
    """One rise to a large rate and one long fall, for a training of known length.

    With m = `max_learning_rate`, T = `total_steps` and u = round(`pct_start` T), the rate goes

    - from m / div_factor at t = 0 up to m at t = u,
    - and down to m / (div_factor final_div_factor) at t = T, where it stays;
    - with `three_phase=True`, as in the paper, first down to m / div_factor at t = 2u and from
      there on to that end.

    `anneal_strategy` says how: along half a cosine wave, or (the paper) along straight lines.
    Names, defaults and phases are PyTorch's `OneCycleLR`, which ends its phases one step earlier
    (it is at the top at t = u - 1 and at the end at t = T - 1) and moves the momentum too.

    Args:
        max_learning_rate: m, at least 0.
        total_steps: T, a number of steps of at least 2.
        pct_start: The share of T that rises, above 0 and below 1 (with `three_phase` below 0.5).
            Defaults to 0.3.
        anneal_strategy: `"cos"` or `"linear"`.  Defaults to `"cos"`.
        div_factor: The top divided by the start, at least 1.  Defaults to 25.
        final_div_factor: The start divided by the end, at least 1.  Defaults to 1e4.
        three_phase: Whether the fall to the start and the fall below it are two phases.  Defaults
            to False.

    Raises:
        ValueError: If an argument is out of its range, or a phase would have no step.

    Example:

    >>> from keras_trainkit.schedules import OneCycle
    >>> schedule = OneCycle(1.0, total_steps=1000, three_phase=True, anneal_strategy="linear")
    >>> [round(float(schedule(step)), 6) for step in (0, 150, 300, 600, 1000)]
    [0.04, 0.52, 1.0, 0.04, 4e-06]

    Source: the "1cycle" policy of Smith & Topin 2018, "Super-convergence: very fast training of
    neural networks using large learning rates", and Smith 2018, "A disciplined approach to neural
    network hyper-parameters".
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.max_learning_rate = number(self, "max_learning_rate", max_learning_rate, minimum=0)
        self.total_steps = length(self, "total_steps", total_steps, minimum=2)
        self.three_phase = boolean(self, "three_phase", three_phase)
        self.pct_start = number(self, "pct_start", pct_start, above=0, below=1)
        self.anneal_strategy = one_of(self, "anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.div_factor = number(self, "div_factor", div_factor, minimum=1)
        self.final_div_factor = number(self, "final_div_factor", final_div_factor, minimum=1)
        steps = [step for step, _ in self._corners()]
        if any(b <= a for a, b in pairwise(steps)):
            refuse(
                self,
                "pct_start",
                f"leave each phase a step of the {self.total_steps} in `total_steps`",
                pct_start,
            )

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        ease = easing.cosine if self.anneal_strategy == "cos" else easing.linear
        corners = self._corners()
        rate = 0.0
        for (start, first), (end, last) in pairwise(corners):
            phase, steps = clock.since(start), end - start
            left, done = ease(phase.remaining(steps)), ease(phase.elapsed(steps))
            rate = ops.where(clock.reached(start), first * left + last * done, rate)
        return rate

    def _corners(self) -> list[tuple[int, float]]:
        """Where the phases meet, as (step, rate)."""
        start = self.max_learning_rate / self.div_factor
        top = round(self.pct_start * self.total_steps)
        turn = [(2 * top, start)] if self.three_phase else []
        return [
            (0, start),
            (top, self.max_learning_rate),
            *turn,
            (self.total_steps, start / self.final_div_factor),
        ]
