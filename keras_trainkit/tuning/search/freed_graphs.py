"""Lets go of the graphs that TensorFlow would keep after a trial."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


@contextmanager
def freed_graphs() -> Iterator[None]:
    """Forgets the gradients that were registered inside, when all that was trained there is done.

    `tf.custom_gradient` registers each use in a graph for the life of the process, and with it
    the graph. Keras' optimizers use it in every training step (they reduce gradients over
    replicas through it), so each model that was ever trained would leave its graph behind.
    """
    registered = _registered()
    before = set(registered)
    try:
        yield
    finally:
        for name in set(registered) - before:
            if name.startswith("CustomGradient-"):
                del registered[name]


def _registered() -> dict[str, Any]:
    if keras.backend.backend() != "tensorflow":
        return {}
    try:  # No public name forgets. Without this one all is right, but the memory grows.
        from tensorflow.python.framework.ops import gradient_registry

        return gradient_registry._registry
    except (ImportError, AttributeError):
        return {}
