"""Chance that is no variable of a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def kept_chance() -> Iterator[None]:
    """Gives PyTorch's generator back as it was: there, a `Dropout` without a seed draws from it."""
    if keras.backend.backend() != "torch":
        yield
        return
    from torch.random import fork_rng

    with fork_rng():
        yield
