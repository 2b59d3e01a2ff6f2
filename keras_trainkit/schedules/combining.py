"""What the schedules made of other schedules share."""

from __future__ import annotations

import numbers
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import number, refuse
from keras_trainkit.schedules.base import Schedule
from keras_trainkit.schedules.clock import Clock
from keras_trainkit.schedules.constant import Constant


def as_schedule(owner: object, argument: str, value: Any) -> Any:
    """Any Keras schedule as it is, a number as a `Constant`."""
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    if isinstance(value, numbers.Real):
        return Constant(number(owner, argument, value, minimum=0))
    refuse(owner, argument, "be a learning-rate schedule or a number", value)


def rate_of(schedule: keras.optimizers.schedules.LearningRateSchedule, clock: Clock) -> Any:
    """The rate of any Keras schedule at a clock's reading, as float32."""
    if isinstance(schedule, Schedule):
        return schedule.curve(clock)
    return ops.convert_to_tensor(schedule(clock.number()), dtype="float32")
