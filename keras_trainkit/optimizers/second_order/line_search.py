"""A line search that sees slopes only, one at a time.

Keras hands an optimizer gradients, no loss and no closure, so the search is a state that each new
slope moves on. It looks for a sign change of the slope: longer steps until there is one, then
secant steps towards it. A slope that has lost a tenth of its size is enough.

Source: after Kafka and Wilke, "Resolving learning rates adaptively by locating stochastic
non-negative associated gradient projection points using line searches" (2021).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

_ENOUGH = 0.9  # the share of the first slope that the accepted one may have
_GROWTH = 2.0, 10.0  # of a step that was too short
_MARGIN = 0.2  # how far from the ends of the bracket the next trial stays, as a share of it
_MOST_TRIALS = 20


class Search(NamedTuple):
    """Where a search stands: scalars of the rule's dtype. All zeros: it has not begun."""

    running: Any  # 1 where the weights are at the trial, 0 where they are at the point
    step: Any  # the trial is point + step * direction
    slope: Any  # of the loss along the direction, at the point
    low: Any  # the longest step known to be too short, and the slope there
    low_slope: Any
    high: Any  # the shortest step known to be too long, or infinity, and the slope there
    high_slope: Any
    trials: Any


def begin(step: Any, slope: Any) -> Search:
    """The search whose first trial is `step`, along a direction of that (negative) slope."""
    one, infinity = ops.ones_like(step), ops.full_like(step, float("inf"))
    return Search(one, step, slope, 0 * one, slope, infinity, infinity, 0 * one)


def is_enough(search: Search, slope: Any) -> Any:
    """Whether the slope at the trial is flat enough to stay there."""
    return ops.abs(slope) <= _ENOUGH * ops.abs(search.slope)


def contradicts(search: Search, slope: Any) -> Any:
    """Whether the slope inside a bracket is not between those at its ends."""
    outside = (slope < search.low_slope) | (slope > search.high_slope)
    return outside & ops.isfinite(search.high_slope)


def proceed(search: Search, slope: Any) -> tuple[Search, Any]:
    """The next trial after one that was not enough, and whether to give up instead.

    Args:
        search: The search so far.
        slope: That at the trial; infinity where the gradient there was not finite.
    """
    short = slope < 0
    low = ops.where(short, search.step, search.low)
    low_slope = ops.where(short, slope, search.low_slope)
    high = ops.where(short, search.high, search.step)
    high_slope = ops.where(short, search.high_slope, slope)

    root = search.step - slope * (search.step - search.low) / (slope - search.low_slope)
    root = ops.where(slope > search.low_slope, root, float("inf"))
    longer = ops.clip(root, _GROWTH[0] * search.step, _GROWTH[1] * search.step)
    margin = ops.full_like(low, _MARGIN)  # a Python number would be float32 on torch
    share = ops.clip(low_slope / (low_slope - high_slope), margin, 1 - margin)
    between = low + share * (high - low)
    step = ops.where(ops.isfinite(high), between, longer)

    trials = search.trials + 1
    hopeless = (trials >= _MOST_TRIALS) | (step <= low) | (step >= high)
    return Search(
        search.running, step, search.slope, low, low_slope, high, high_slope, trials
    ), hopeless
