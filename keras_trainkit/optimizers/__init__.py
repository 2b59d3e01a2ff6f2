"""Optimizers: each a pure rule on a base that alone touches variables; and wrappers of them."""

from keras_trainkit.optimizers.adabelief import AdaBelief
from keras_trainkit.optimizers.adagrad import Adagrad
from keras_trainkit.optimizers.adam import Adam
from keras_trainkit.optimizers.batch_statistics import renew_batch_normalization
from keras_trainkit.optimizers.cocob import COCOB
from keras_trainkit.optimizers.conditional_gradient import ConditionalGradient
from keras_trainkit.optimizers.lamb import LAMB
from keras_trainkit.optimizers.lars import LARS
from keras_trainkit.optimizers.lazy_adam import LazyAdam
from keras_trainkit.optimizers.lookahead import Lookahead
from keras_trainkit.optimizers.moving_average import MovingAverage
from keras_trainkit.optimizers.novograd import NovoGrad
from keras_trainkit.optimizers.proximal_adagrad import ProximalAdagrad
from keras_trainkit.optimizers.rectified_adam import RectifiedAdam
from keras_trainkit.optimizers.rmsprop import RMSprop
from keras_trainkit.optimizers.second_order.bfgs import BFGS
from keras_trainkit.optimizers.second_order.kfac import KFAC
from keras_trainkit.optimizers.second_order.lbfgs import LBFGS
from keras_trainkit.optimizers.second_order.newton import Newton
from keras_trainkit.optimizers.sgd import SGD
from keras_trainkit.optimizers.swa import SWA
from keras_trainkit.optimizers.trajectories import plot_trajectories
from keras_trainkit.optimizers.yogi import Yogi

__all__ = [
    "BFGS",
    "COCOB",
    "KFAC",
    "LAMB",
    "LARS",
    "LBFGS",
    "SGD",
    "SWA",
    "AdaBelief",
    "Adagrad",
    "Adam",
    "ConditionalGradient",
    "LazyAdam",
    "Lookahead",
    "MovingAverage",
    "Newton",
    "NovoGrad",
    "ProximalAdagrad",
    "RMSprop",
    "RectifiedAdam",
    "Yogi",
    "plot_trajectories",
    "renew_batch_normalization",
]
