"""What is looked at of each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit.inference._arrays import as_arrays


def checked_views(owner: object, views: Any) -> tuple[Any, ...]:
    """The argument `views` as a tuple of functions and of objects with a method `each`."""
    if views is None:
        return (_as_it_is,)
    if isinstance(views, str) and views == "flips":
        return (_as_it_is, _mirrored)
    several = tuple(views) if isinstance(views, list | tuple) else (views,)
    if not several or not all(callable(view) for view in several):
        rule = 'be None, "flips", a `MultiCrop`, a function of a batch, or a list of such'
        refuse(owner, "views", rule, views)
    return several


def each_view(views: tuple[Any, ...], x: Any) -> Iterator[Any]:
    """The views of a batch one after the other, as NumPy arrays."""
    for view in views:
        for seen in view.each(x) if hasattr(view, "each") else (view(x),):
            yield as_arrays(seen)


def _as_it_is(x: Any) -> Any:
    return x


def _mirrored(x: Any) -> Any:
    last = keras.config.image_data_format() == "channels_last"
    return np.flip(x, axis=-2 if last else -1)
