"""Optimizers: each is a pure rule, on one base that alone touches variables."""

from keras_trainkit.optimizers.adabelief import AdaBelief
from keras_trainkit.optimizers.adagrad import Adagrad
from keras_trainkit.optimizers.adam import Adam
from keras_trainkit.optimizers.cocob import COCOB
from keras_trainkit.optimizers.conditional_gradient import ConditionalGradient
from keras_trainkit.optimizers.lamb import LAMB
from keras_trainkit.optimizers.lars import LARS
from keras_trainkit.optimizers.lazy_adam import LazyAdam
from keras_trainkit.optimizers.novograd import NovoGrad
from keras_trainkit.optimizers.proximal_adagrad import ProximalAdagrad
from keras_trainkit.optimizers.rectified_adam import RectifiedAdam
from keras_trainkit.optimizers.rmsprop import RMSprop
from keras_trainkit.optimizers.sgd import SGD
from keras_trainkit.optimizers.yogi import Yogi

__all__ = [
    "COCOB",
    "LAMB",
    "LARS",
    "SGD",
    "AdaBelief",
    "Adagrad",
    "Adam",
    "ConditionalGradient",
    "LazyAdam",
    "NovoGrad",
    "ProximalAdagrad",
    "RMSprop",
    "RectifiedAdam",
    "Yogi",
]
