"""The statistics of batch normalisation, for weights that no step has made."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import keras


def renew_batch_normalization(model: Any, data: Iterable[Any], steps: int | None = None) -> None:
    """One pass over the training data that makes the moving statistics those of the weights.

    Averaged weights (`SWA`, `MovingAverage`) have activations of their own, whose means and
    variances nobody has seen. This runs the model in training mode, without a gradient, and sets
    the moving mean and variance of every `BatchNormalization` that is not frozen to the mean of
    those of the batches, weighted by their sizes. Dropout and the like act as in training; other
    layers that gather statistics in training mode do so here, too.

    Args:
        model: A built `keras.Model`.
        data: Batches of inputs, `(x, y)` or `(x, y, sample_weight)`, such as a
            `tf.data.Dataset`.
        steps: The number of batches to take. Defaults to all.

    Example:

    >>> import keras, numpy as np
    >>> from keras_trainkit.optimizers import renew_batch_normalization
    >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.BatchNormalization()])
    >>> renew_batch_normalization(model, [np.full((8, 1), 3.0), np.full((4, 1), 0.0)])
    >>> float(model.layers[0].moving_mean[0])
    2.0
    """
    layers = [
        layer
        for layer in model._flatten_layers()  # no public name finds those inside of other layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    seen = 0
    try:
        for batch in islice(data, steps):
            x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
            size = int(keras.tree.flatten(x)[0].shape[0])
            for layer in layers:
                layer.momentum = seen / (seen + size)
            model(x, training=True)
            seen += size
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
