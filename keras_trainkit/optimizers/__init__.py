"""Optimizers: each is a pure rule, on one base that alone touches variables."""

from keras_trainkit.optimizers.adam import Adam
from keras_trainkit.optimizers.second_order.bfgs import BFGS
from keras_trainkit.optimizers.second_order.lbfgs import LBFGS
from keras_trainkit.optimizers.second_order.newton import Newton
from keras_trainkit.optimizers.sgd import SGD

__all__ = ["BFGS", "LBFGS", "SGD", "Adam", "Newton"]
