"""The rooms of the package that offer public names, and what they offer."""

import importlib
import inspect
from pathlib import Path

import keras

import keras_trainkit

# What Keras saves with a model; callbacks and plain data it does not.
KINDS = (
    keras.layers.Layer,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)
ROOMS = {
    path.parent.name: importlib.import_module(f"keras_trainkit.{path.parent.name}")
    for path in sorted(Path(keras_trainkit.__file__).parent.glob("[a-z]*/__init__.py"))
    if path.parent.name != "demo"  # the command line's own
}
PUBLIC = [getattr(room, name) for room in ROOMS.values() for name in room.__all__]
CLASSES = [value for value in PUBLIC if inspect.isclass(value)]
SAVED = [cls for cls in CLASSES if issubclass(cls, KINDS)]
