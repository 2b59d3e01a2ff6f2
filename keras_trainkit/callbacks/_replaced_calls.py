"""Layers that do something else for a while."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras


@contextmanager
def replaced_calls(
    layers: Sequence[keras.layers.Layer], change: Callable[[keras.layers.Layer], Callable[..., Any]]
) -> Iterator[None]:
    """While inside, each layer's `call` is what `change` makes of it."""
    before = [{"call": vars(layer)["call"]} if "call" in vars(layer) else {} for layer in layers]
    try:
        for layer in layers:
            vars(layer)["call"] = change(layer)  # past Keras, which tracks what is set
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            vars(layer).pop("call", None)
            vars(layer).update(own)


@contextmanager
def without_dropout(model: keras.Model) -> Iterator[None]:
    """While inside, layers without weights (dropout, noise, augmentation) act as in testing."""
    inside = model._flatten_layers(include_self=False)  # no public name finds them all
    idle = [
        layer
        for layer in inside
        if not layer.weights and "training" in inspect.signature(layer.call).parameters
    ]
    with replaced_calls(idle, as_in_testing):
        yield


def as_in_testing(layer: keras.layers.Layer) -> Callable[..., Any]:
    """The layer's `call`, whose argument `training` is always False."""
    call = layer.call
    signature = inspect.signature(call)

    @functools.wraps(call)
    def testing(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.arguments["training"] = False
        return call(*bound.args, **bound.kwargs)

    return testing
