"""The two formats of CIFAR-10's batches, from bytes to arrays."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

Batch = tuple[np.ndarray, np.ndarray]


def from_records(content: bytes) -> Batch:
    """The binary version: for each image one byte of label, then its pixels."""
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return _batch(records[:, 1:], records[:, 0])


def from_pickle(content: bytes) -> Batch:
    """The python version: a dictionary pickled by Python 2, read without running anything."""
    batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    pixels = batch[b"data"].state[-1]
    return _batch(np.frombuffer(pixels, np.uint8), batch[b"labels"])


def _batch(pixels: np.ndarray, labels: Sequence[int] | np.ndarray) -> Batch:
    """Planes of red, green and blue as images, with the labels checked."""
    labels = np.asarray(labels, np.int64)
    if not labels.size or labels.min() < 0 or labels.max() > 9:
        raise ValueError("its labels are not 0 to 9")
    planes = pixels.reshape(len(labels), 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


class _State:
    """Stands in for an array and its dtype, and keeps what the pickle would have set."""

    def __init__(self, *arguments: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Gives a pickle no function to call: the names that NumPy's arrays need all mean `_State`."""

    def find_class(self, module: str, name: str) -> type[_State]:
        if (module, name) in {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }:
            return _State
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")
