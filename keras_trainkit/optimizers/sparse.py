"""Gradients of rows alone, which TensorFlow gives for embeddings."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit._core.lazy import tf


def is_sparse(gradient: Any) -> bool:
    """Whether it is `tf.IndexedSlices`."""
    return keras.backend.backend() == "tensorflow" and isinstance(gradient, tf.IndexedSlices)


def dense(gradient: Any) -> Any:
    """The whole gradient, with zeros in the rows that were left out."""
    return tf.convert_to_tensor(gradient) if is_sparse(gradient) else gradient
