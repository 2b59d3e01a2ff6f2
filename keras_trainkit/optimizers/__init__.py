"""Optimizers: each is a pure rule, on one base that alone touches variables."""

from keras_trainkit.optimizers.adagrad import Adagrad
from keras_trainkit.optimizers.adam import Adam
from keras_trainkit.optimizers.rmsprop import RMSprop
from keras_trainkit.optimizers.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "RMSprop"]
