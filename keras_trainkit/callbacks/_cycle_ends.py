"""Where the cycles of a schedule with warm restarts end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import keras

from keras_trainkit.schedules import Join, WarmRestarts, Warmup


def schedule_of(optimizer: Any) -> Any:
    """The schedule of an optimizer, or of the one that it wraps; None where its rate is a number.

    It is read off the config: the attribute has no public name.
    """
    inner = getattr(optimizer, "inner_optimizer", None) or getattr(optimizer, "optimizer", None)
    if inner is not None:
        return schedule_of(inner)
    rate = optimizer.get_config().get("learning_rate")
    try:
        return keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None
    except (TypeError, ValueError):  # a class of the user's that Keras cannot find: none of ours
        return None


def cycle_ends(schedule: Any) -> Iterator[int]:
    """The steps after which the cycles of a `WarmRestarts` end, in a warm-up or a join, too.

    A cycle that a `Join` cuts short does not end. Without a `WarmRestarts` there are none.

    Example:

    >>> from itertools import islice
    >>> restarts = WarmRestarts(0.1, steps=10)
    >>> list(islice(cycle_ends(restarts), 3)), list(cycle_ends(Join([(0.1, 5), (restarts, 40)])))
    ([10, 30, 70], [15, 35])
    """
    if isinstance(schedule, WarmRestarts):
        end, period = 0, schedule.steps
        while True:
            end += period
            yield end
            period *= schedule.growth
    elif isinstance(schedule, Warmup):
        begin = schedule.steps if schedule.shift else 0
        yield from (begin + end for end in cycle_ends(schedule.schedule))
    elif isinstance(schedule, Join):
        begin = 0
        for piece, steps in schedule.schedules:
            yield from (begin + end for end in takewhile(steps.__ge__, cycle_ends(piece)))
            begin += steps
