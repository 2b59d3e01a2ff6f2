"""What every schedule shares: the clock, the dtype, the guard, config and a readable name."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import integer, refuse
from keras_trainkit._core.config import own_config, revive
from keras_trainkit.schedules.clock import Clock


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate as a function of the step; a member says only its `curve`.

    The step is Keras' raw step count, from 0: with `gradient_accumulation_steps` it counts
    micro-batches.  It may be an integer or a float of any kind, in eager code or compiled.
    Integer steps are exact beyond 2^24: to 2^63 on TensorFlow, to 2^31 on JAX and PyTorch, where
    Keras counts in 32 bits.  Negative steps are read as 0.

    The rate is a float32 scalar under every dtype policy, never negative and never NaN.
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`, a float32 scalar."""
        rate = self.curve(Clock.read(step))
        # members keep to it by themselves; a wrapped schedule may not, and NaN is not above 0
        return ops.where(rate > 0, rate, 0.0)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `curve(self, clock)`.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, wrapped schedules serialised."""
        return own_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Schedule:
        """Builds the schedule that `get_config` described."""
        return cls(**revive(config))

    def __repr__(self) -> str:
        """The constructor's call, defaults left out."""
        shown = []
        for parameter in inspect.signature(type(self)).parameters.values():
            value = getattr(self, parameter.name)
            if parameter.default is parameter.empty:
                shown.append(describe(value))
            elif value != parameter.default:
                shown.append(f"{parameter.name}={describe(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def length(owner: object, argument: str, value: Any, minimum: int = 1) -> int:
    """A whole number of steps that 64 bits can count."""
    steps = integer(owner, argument, value, minimum)
    if steps >= 2**63:
        refuse(owner, argument, "be a number of steps below 2^63", value)
    return steps


def describe(value: Any) -> str:
    """A value as it stands in a constructor's call; an object of others by its class alone."""
    if isinstance(value, tuple):
        inner = ", ".join(map(describe, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return repr(value) if isinstance(value, Schedule) else f"{type(value).__name__}(...)"
    return repr(value)
