"""Batches as NumPy arrays, and what identifies them."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np
from keras import ops


def as_arrays(batch: Any) -> Any:
    """The same structure with NumPy arrays for tensors, whichever library they are of."""
    return keras.tree.map_structure(_as_array, batch)


def rows_of(batch: Any) -> int:
    """How many examples a batch of arrays holds."""
    return len(keras.tree.flatten(batch)[0])


def digest(*batches: Any) -> str:
    """A hash of shapes, types and values."""
    result = hashlib.blake2b(digest_size=16)
    for leaf in keras.tree.flatten(batches):
        array = np.ascontiguousarray(leaf)
        result.update(f"{array.dtype}{array.shape}".encode())
        result.update(array.data if array.dtype.kind in "biufc" else repr(array.tolist()).encode())
    return result.hexdigest()


def _as_array(leaf: Any) -> np.ndarray:
    return ops.convert_to_numpy(leaf) if ops.is_tensor(leaf) else np.asarray(leaf)
