"""State that was loaded before there were variables to hold it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

from keras_trainkit._core.lazy import tf


class LateState(keras.optimizers.Optimizer):
    """Keeps a state that is loaded before `build`, where Keras drops it with a warning.

    A member calls `_fill` at the end of its `build`.
    """

    _loaded: tuple[Any, ...] = ()

    def _fill(self) -> None:
        if self._loaded:
            # A first call inside of a `tf.function` must not load again with every step.
            with tf.init_scope() if keras.backend.backend() == "tensorflow" else nullcontext():
                super().load_own_variables({str(i): x for i, x in enumerate(self._loaded)})
            self._loaded = ()

    def save_own_variables(self, store: Any) -> None:
        """Writes the state; one that was loaded and not yet used is handed on."""
        if not self._loaded:
            super().save_own_variables(store)
        for i, value in enumerate(self._loaded):
            store[str(i)] = value

    def load_own_variables(self, store: Any) -> None:
        """Sets the state; before the optimizer is built it is kept until there are variables."""
        if self.built or len(store.keys()) == len(self.variables):
            super().load_own_variables(store)
        else:
            self._loaded = tuple(np.array(store[str(i)]) for i in range(len(store.keys())))
