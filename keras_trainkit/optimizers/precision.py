"""Training weights of 16 bits: compute in float32, and keep what rounding cuts off."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_SIGNIFICANT_BITS = {"bfloat16": 8, "float16": 11}


def rule_dtype(tensor: Any) -> str:
    """The dtype to compute in: the tensor's own, but float32 for bfloat16 and float16."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float32" if dtype in _SIGNIFICANT_BITS else dtype


def split(x: Any, dtype: str) -> tuple[Any, Any]:
    """A float32 tensor as the sum of two of `dtype`: the rounded number, and the rest.

    The rounding is done by adding and subtracting 2^k x, not by a cast there and back, which XLA
    removes on GPUs (there x minus its rounded self is 0). Multiplied by a power of two, it comes
    out the same where a compiler fuses the multiplication and the sum.

    Args:
        x: A float32 tensor.
        dtype: `"bfloat16"` or `"float16"`.

    Returns:
        The pair (rounded, rest), both of `dtype`.

    Source: after Dekker, "A floating-point technique for extending the available precision"
    (1971), section 5.
    """
    shifted = x * 2.0 ** (24 - _SIGNIFICANT_BITS[dtype])
    rounded = (shifted + x) - shifted
    return ops.cast(rounded, dtype), ops.cast(x - rounded, dtype)
