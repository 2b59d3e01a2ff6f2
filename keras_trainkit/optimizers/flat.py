"""All weights of a model as one vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import keras
from keras import ops

from keras_trainkit.optimizers.precision import rule_dtype
from keras_trainkit.optimizers.sparse import dense


@dataclass(frozen=True)
class Flat:
    """Variables, and the dtype of the vector that stands for them."""

    variables: tuple[Any, ...]

    @cached_property
    def dtype(self) -> str:
        """The widest that a rule for one of them would have."""
        return max(map(rule_dtype, self.variables))  # "float32" < "float64"

    @cached_property
    def size(self) -> int:
        """The number of weights."""
        return sum(math.prod(variable.shape) for variable in self.variables)

    def join(self, tensors: Sequence[Any]) -> Any:
        """One vector of tensors shaped as the variables; None stands for zeros."""
        rows = [
            ops.zeros(math.prod(variable.shape), self.dtype)
            if tensor is None
            else ops.reshape(ops.cast(dense(tensor), self.dtype), (-1,))
            for tensor, variable in zip(tensors, self.variables, strict=True)
        ]
        return ops.concatenate(rows)

    def read(self) -> Any:
        """The variables' values."""
        return self.join([ops.convert_to_tensor(variable) for variable in self.variables])

    def split(self, vector: Any) -> list[Any]:
        """The tensors that a vector stands for, of the variables' shapes and dtypes."""
        ends = [0, *accumulate(math.prod(variable.shape) for variable in self.variables)]
        if keras.backend.backend() == "torch":  # whose compiler fails on Keras' split
            parts = [vector[start:end] for start, end in pairwise(ends)]
        else:
            parts = ops.split(vector, ends)[1:-1]  # never at no place, which TensorFlow refuses
        return [
            ops.cast(ops.reshape(part, variable.shape), variable.dtype)
            for part, variable in zip(parts, self.variables, strict=True)
        ]

    def write(self, vector: Any) -> None:
        """Sets the variables."""
        for variable, value in zip(self.variables, self.split(vector), strict=True):
            variable.assign(ops.copy(value))  # of a single variable, JAX would share the buffer
