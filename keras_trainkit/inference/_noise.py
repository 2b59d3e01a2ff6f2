"""Layers that draw, in training mode where all others are in testing mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_trainkit.layers import DropConnect, FractionalMaxPooling2D

NOISE: tuple[type, ...] = (
    DropConnect,
    FractionalMaxPooling2D,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,  # and the spatial ones, which are of its kind
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)
"""The layers that are left to draw."""


def all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The model's layers, those inside of others too."""
    return model._flatten_layers(include_self=False)  # no public name finds all of them


def noisy_layers(model: keras.Model, kinds: tuple[type, ...]) -> list[keras.layers.Layer]:
    """The layers of these kinds whose call tells training from testing."""
    return [layer for layer in all_layers(model) if isinstance(layer, kinds) and _can_train(layer)]


@contextmanager
def drawing(model: keras.Model, kinds: tuple[type, ...]) -> Iterator[None]:
    """For its duration layers of these kinds train, and batch normalisation tests.

    That holds wherever in the model they are, and whatever their callers tell them, functional
    or subclassed. A layer's own `call` is covered by one on the instance, which the end removes.
    """
    modes = dict.fromkeys(noisy_layers(model, kinds), True)
    modes |= dict.fromkeys(noisy_layers(model, (keras.layers.BatchNormalization,)), False)
    covered = {layer: vars(layer).get("call") for layer in modes}
    try:
        for layer, training in modes.items():
            vars(layer)["call"] = _in_mode(layer.call, training)
        yield
    finally:
        for layer, before in covered.items():
            vars(layer).pop("call", None)
            if before is not None:
                vars(layer)["call"] = before


def _can_train(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def _in_mode(call: Callable[..., Any], training: bool) -> Callable[..., Any]:
    @functools.wraps(call)
    def covering(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **{**kwargs, "training": training})

    return covering
