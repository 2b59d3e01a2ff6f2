"""Layers that regularise a model from inside, in `keras.ops`: they run on every backend."""

from keras_trainkit.layers.regularization.skippable_block import SkippableBlock
from keras_trainkit.layers.regularization.stochastic_depth import StochasticDepth, linear_decay

__all__ = ["SkippableBlock", "StochasticDepth", "linear_decay"]
