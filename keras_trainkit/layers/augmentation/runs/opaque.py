"""Other libraries' layers."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run


class OpaqueRun(Run):
    """Another library's layer, called as it is on the images."""

    label = "opaque"
    training = True
    """Handed on to the layer."""

    def accepts(self, operation: Any) -> bool:
        """Never: nothing is known of it."""
        return False

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        """The images after the layer."""
        (operation,) = self.operations
        result = operation.layer(images, training=self.training)
        # of images that are there, not to come, another backend makes its own tensors
        return cast_like(tf.convert_to_tensor(result), dtype)
