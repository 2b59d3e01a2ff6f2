"""The models whose predictions are averaged, those on disk loaded one at a time."""

from __future__ import annotations

import gc
import os
from typing import Any

import keras

from keras_trainkit._core.arguments import refuse
from keras_trainkit.inference._archive import archive_fault, archive_fingerprint
from keras_trainkit.inference._arrays import as_arrays, digest


class Members:
    """Models by number; all files are read through here, before anything else happens.

    Args:
        owner: The object whose argument they are.
        models: A model, a path of a `.keras` file, or several of both.
    """

    def __init__(self, owner: object, models: Any) -> None:
        several = tuple(models) if isinstance(models, list | tuple) else (models,)
        self._owner = owner
        self._models = tuple(
            os.fspath(model) if isinstance(model, str | os.PathLike) else model for model in several
        )
        self._loaded: tuple[int, keras.Model] | None = None
        rule = "be Keras models, or paths of `.keras` files that are whole"
        if not self._models:
            refuse(owner, "models", rule, models)
        faults = {}
        for number, model in enumerate(self._models):
            if isinstance(model, str):
                fault = archive_fault(model)
            elif not isinstance(model, keras.Model):
                fault = f"{model!r} is none"
            else:
                fault = None if model.built else "it has no weights yet: call it once, or build it"
            if fault:
                faults[self.name(number)] = fault
        if faults:
            said = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            raise ValueError(f"`{type(owner).__name__}`: `models` must {rule}, but {said}.")

    def __len__(self) -> int:
        return len(self._models)

    def name(self, number: int) -> str:
        """The path, or the name of the model and its number."""
        model = self._models[number]
        if isinstance(model, str):
            return model
        return f"{getattr(model, 'name', type(model).__name__)} (number {number + 1})"

    def on_disk(self, number: int) -> bool:
        """Whether it has to be loaded."""
        return isinstance(self._models[number], str)

    def model(self, number: int) -> keras.Model:
        """The model itself. One that was loaded before makes room."""
        path = self._models[number]
        if not isinstance(path, str):
            return path
        if self._loaded is None or self._loaded[0] != number:
            if self._loaded is not None:
                self._loaded = None
                gc.collect()  # models are circles of references
            try:
                self._loaded = number, keras.saving.load_model(path, compile=False)
            except Exception as error:
                rule = "be files that Keras can load"
                raise ValueError(
                    f"`{type(self._owner).__name__}`: `models` must {rule}, but {path}: {error}"
                ) from error
        return self._loaded[1]

    def fingerprint(self, number: int) -> str:
        """A hash of the file, or of the weights of a model in memory."""
        model = self._models[number]
        if isinstance(model, str):
            return archive_fingerprint(model)
        return digest(as_arrays([variable.value for variable in model.weights]))
