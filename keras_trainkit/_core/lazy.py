"""Modules that are imported on first use, so that no room pays for another's dependencies."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class LazyModule:
    """Stands in for `name` until an attribute is read; a missing one is one clear sentence.

    Args:
        name: The module's full name, such as `"matplotlib.pyplot"`.
        extra: The extra of `keras_trainkit` that installs it.
    """

    def __init__(self, name: str, extra: str) -> None:
        self._name = name
        self._extra = extra
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            package = self._name.partition(".")[0]
            try:
                self._module = importlib.import_module(self._name)
            except ModuleNotFoundError as error:
                if error.name is None or error.name.partition(".")[0] != package:
                    raise  # installed, but broken: its own message says more than ours would
                raise ModuleNotFoundError(
                    f"This part of keras_trainkit needs {package}, which is not installed: "
                    f"pip install 'keras_trainkit[{self._extra}]'",
                    name=package,
                ) from None
        return getattr(self._module, attribute)


tf: Any = LazyModule("tensorflow", "tensorflow")
plt: Any = LazyModule("matplotlib.pyplot", "plots")
