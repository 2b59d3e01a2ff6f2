"""Layers that regularise a model from inside, in `keras.ops`: they run on every backend."""

from keras_trainkit.layers.regularization.drop_connect import DropConnect
from keras_trainkit.layers.regularization.maxout import Maxout
from keras_trainkit.layers.regularization.stochastic_depth import StochasticDepth, linear_decay

__all__ = ["DropConnect", "Maxout", "StochasticDepth", "linear_decay"]
