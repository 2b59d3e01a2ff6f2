"""Other libraries' layers."""

from __future__ import annotations

from typing import Any

from keras_trainkit.layers.augmentation.runs.base import Run


class OpaqueRun(Run):
    """Another library's layer, called as it is on the images."""

    label = "opaque"

    def accepts(self, operation: Any) -> bool:
        """Never: nothing is known of it."""
        return False

    def __call__(self, images: Any, training: bool) -> Any:
        """The images after the layer."""
        return self.operations[0](images, training=training)
