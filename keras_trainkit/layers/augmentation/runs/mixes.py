"""Mixes, in which the images of a batch meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings


class MixRun(Run):
    """Each image mixed with a partner from its batch, and its labels with the partner's."""

    label = "mix"

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        (self.operation,) = operations
        self._kernel = Compiled(self._mix)

    def accepts(self, operation: Any) -> bool:
        """Never: a pipeline mixes once."""
        return False

    def __call__(self, images: Any, parameters: Parameters) -> tuple[Any, Any, Any]:
        """The mixed images, each one's partner (n,), and its own share of the labels (n,)."""
        return self._kernel(images, parameters)

    def _mix(self, images: Any, parameters: Parameters) -> tuple[Any, Any, Any]:
        (drawn,) = parameters
        rows = tf.range(tf.shape(images)[0])
        # an image that is left alone is its own partner, which changes nothing, exactly
        drawn = {**drawn, "partner": tf.where(drawn["applied"], drawn["partner"], rows)}
        del drawn["applied"]
        mixed, share = self.operation.apply(images, **drawn)
        return mixed, drawn["partner"], share
