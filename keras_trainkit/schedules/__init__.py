"""Learning rates as functions of the step: a curve a file, and what joins them.

Lengths are steps (`in_epochs` makes them from epochs), and the step is Keras' raw count: with
`gradient_accumulation_steps` it counts micro-batches.
"""

from keras_trainkit.schedules.constant import Constant
from keras_trainkit.schedules.cosine_decay import CosineDecay
from keras_trainkit.schedules.cyclical import Cyclical
from keras_trainkit.schedules.in_epochs import in_epochs
from keras_trainkit.schedules.inverse_sqrt_decay import InverseSqrtDecay
from keras_trainkit.schedules.join import Join
from keras_trainkit.schedules.linear_decay import LinearDecay
from keras_trainkit.schedules.linear_scaling import linear_scaling
from keras_trainkit.schedules.one_cycle import OneCycle
from keras_trainkit.schedules.plot import plot
from keras_trainkit.schedules.step_decay import StepDecay
from keras_trainkit.schedules.warm_restarts import WarmRestarts
from keras_trainkit.schedules.warmup import Warmup

__all__ = [
    "Constant",
    "CosineDecay",
    "Cyclical",
    "InverseSqrtDecay",
    "Join",
    "LinearDecay",
    "OneCycle",
    "StepDecay",
    "WarmRestarts",
    "Warmup",
    "in_epochs",
    "linear_scaling",
    "plot",
]
