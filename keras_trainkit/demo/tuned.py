"""What `tune --demo` searches: a script as `tune SCRIPT` takes it.

`data` is what to train on, `space` the ranges, `build` makes a compiled model of values from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from keras_trainkit import datasets, optimizers, tuning
from keras_trainkit.demo.network import residual_network

space = {
    "learning_rate": tuning.LogUniform(1e-4, 1.0),
    "weight_decay": tuning.Choice([0.0, 1e-5, 1e-4, 1e-3]),
    "momentum": tuning.Uniform(0.5, 0.95),
}


def data() -> datasets.Splits:
    """Digits on photographs."""
    return datasets.digits_on_photos()


def build(params: Mapping[str, Any]) -> keras.Model:
    """The demo's network, without augmentation."""
    images = keras.Input((32, 32, 3))
    scaled = keras.layers.Rescaling(1 / 64, offset=-2.0)(images)
    network = residual_network((32, 32, 3), 10, momentum=0.9)  # trials are short
    model = keras.Model(images, network(scaled))
    model.compile(
        optimizers.SGD(
            params["learning_rate"],
            momentum=params["momentum"],
            weight_decay=params["weight_decay"],
        ),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
