"""Filters, which read a pixel's neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import filters
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings


class FilterRun(Run):
    """One filter; its result is clipped to `value_range`, images it leaves alone are not."""

    clips = True

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        (self.operation,) = operations
        self.label = "filter"
        if any(self.operation.reach):
            self.label += f", border {settings.fill_mode}"
        self._extend = Compiled(self._extended)
        *first, self._final = self.operation.stages
        self._first = [Compiled(lambda x, drawn, f=stage: f(x, **drawn)) for stage in first]
        self._last = Compiled(self._finished)

    def accepts(self, operation: Any) -> bool:
        """Never: filters do not compose."""
        return False

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        """float32 images, filtered."""
        (drawn,) = parameters
        current = self._extend(images) if any(self.operation.reach) else images
        own = {name: value for name, value in drawn.items() if name != "applied"}
        for stage in self._first:
            current = stage(current, own)
        return self._last(current, images, drawn, dtype)

    def _extended(self, images: Any) -> Any:
        s = self.settings
        return filters.extend(images, self.operation.reach, s.fill_mode, s.fill_value)

    def _finished(self, current: Any, images: Any, drawn: dict[str, Any], dtype: Any) -> Any:
        def result(parameters: dict[str, Any]) -> Any:
            low, high = self.settings.value_range
            return tf.clip_by_value(self._final(current, **parameters), low, high)

        chosen = self.operation.choose(drawn, result, tf.cast(images, tf.float32))
        return cast_like(chosen, dtype)
