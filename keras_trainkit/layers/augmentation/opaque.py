"""Other libraries' layers as steps of a pipeline."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit.layers.augmentation.runs.opaque import OpaqueRun


class Opaque:
    """A foreign layer in an operation's clothes.

    Args:
        layer: A Keras layer that takes and gives images.
    """

    run = OpaqueRun
    always = True
    optional = False
    gates = ()
    gives_float = False
    channels = None
    revision = 0

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.title = type(layer).__name__

    def draw(self, draw: Any) -> dict[str, Any]:
        """Nothing: the layer draws for itself."""
        return {}

    def output_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """(height, width) of its result, for images of three channels."""
        # the spec, since layers need not define `compute_output_shape`
        spec = self.layer.compute_output_spec(keras.KerasTensor((None, *size, 3)))
        return spec.shape[1:3]
