"""Functions compiled by XLA where it is there and shapes are known; graph functions elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from keras_trainkit._core.lazy import tf


class Compiled:
    """A tensor function with an XLA kernel for each shape, and a graph form for unknown shapes.

    Args:
        function: A pure function of tensors (and nests of them), its first one the images, whose
            trailing dimensions decide: all known, and it is compiled by XLA.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._forms = {
            jit: tf.function(function, jit_compile=jit, autograph=False) for jit in (True, False)
        }

    def __call__(self, images: Any, *arguments: Any) -> Any:
        known = images.shape[1:].is_fully_defined()
        return self._forms[known and xla_available()](images, *arguments)


@lru_cache(maxsize=1)
def xla_available() -> bool:
    """Whether XLA compiles for this machine, found out once."""
    with tf.init_scope():
        try:
            tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(0.0))
        except (tf.errors.OpError, ValueError, NotImplementedError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(
                "keras_trainkit: XLA does not compile on this machine, so augmentation runs as "
                f"graph operations, several times slower. ({reason})",
                stacklevel=2,
            )
            return False
    return True


def inside_xla() -> bool:
    """Whether the TensorFlow function being traced, or one round it, is compiled by XLA."""
    return tf.__internal__.get_enclosing_xla_context() is not None
