"""Augmentations made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_trainkit._core.arguments import refuse
from keras_trainkit.layers.augmentation.base import Augmentation


class Group(Augmentation):
    """Base of what holds a list of layers; it decides their border and range.

    Args:
        layers: A sequence of this package's augmentations; those that are groups themselves are
            unfolded.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for an empty list, something that is no layer of the kind that the group
            takes, or a member that disagrees on a shared setting.
    """

    output_dtype: str | None = None
    """Of the result, where the group decides it."""

    def __init__(self, layers: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layers, list | tuple) or not layers:
            refuse(self, "layers", "be a list of at least one layer", layers)
        self.layers = tuple(layers)
        for layer in self.layers:
            if not isinstance(layer, keras.layers.Layer):
                refuse(self, "layers", "hold layers", layer)

    def members(self) -> list[tuple[Any, ...]]:
        """Each layer's operations; behind new gates each time, lest two places share a coin."""
        return [self.unfold(layer) for layer in self.layers]

    def unfold(self, layer: Any) -> tuple[Any, ...]:
        """The operations of a layer."""
        if not isinstance(layer, Augmentation):
            return self.unfold_foreign(layer)
        for name, value in self.shared().items():
            theirs = getattr(layer, name, None)
            if theirs is not None and theirs != value:
                refuse(
                    self,
                    name,
                    f"be the same throughout, here {value!r}",
                    theirs,
                    f"Set it on the outermost layer and leave it off {type(layer).__name__}.",
                )
        return layer.operations()

    def shared(self) -> dict[str, Any]:
        """The settings that no member may set differently, and the output's dtype."""
        return {**vars(self.settings), "output_dtype": self.output_dtype}

    def unfold_foreign(self, layer: Any) -> tuple[Any, ...]:
        """The operations of a layer that is not of this package: refused here."""
        refuse(
            self,
            "layers",
            "hold this package's augmentations",
            type(layer).__name__,
            "Put it into a Pipeline, as a step of its own.",
        )
