"""Layers that regularise a model from inside, in `keras.ops`: they run on every backend."""

from keras_trainkit.layers.regularization.drop_block_2d import DropBlock2D
from keras_trainkit.layers.regularization.drop_connect import DropConnect
from keras_trainkit.layers.regularization.drop_path import DropPath
from keras_trainkit.layers.regularization.fractional_max_pooling_2d import FractionalMaxPooling2D
from keras_trainkit.layers.regularization.maxout import Maxout
from keras_trainkit.layers.regularization.skippable_block import SkippableBlock
from keras_trainkit.layers.regularization.stochastic_depth import StochasticDepth, linear_decay

__all__ = [
    "DropBlock2D",
    "DropConnect",
    "DropPath",
    "FractionalMaxPooling2D",
    "Maxout",
    "SkippableBlock",
    "StochasticDepth",
    "linear_decay",
]
