"""Layers that regularise a model from inside, in `keras.ops`: they run on every backend."""

from keras_trainkit.layers.regularization.stochastic_depth import StochasticDepth, linear_decay

__all__ = ["StochasticDepth", "linear_decay"]
