"""Event files of TensorBoard, as Keras' callback and others write them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import tf

_FOLDERS = {"train": "", "training": "", "validation": "val_", "val": "val_", "eval": "val_"}
_PER_BATCH = ("batch_", "evaluation_")  # how Keras' callback names what has no epoch


def is_event_file(path: Path) -> bool:
    """Whether TensorBoard would read it."""
    return ".tfevents." in path.name


def run_folder(path: Path) -> Path:
    """The folder of the run that an event file belongs to: Keras writes to two folders in it."""
    return path.parent.parent if path.parent.name in _FOLDERS else path.parent


def read_events(paths: list[Path]) -> dict[str, np.ndarray]:
    """The scalars of a run by name, in the order of their steps.

    Keras' `epoch_accuracy` in the folder `validation` is `val_accuracy`; the tags of others keep
    their names, but for a first part such as `train/` or `val/`. A step at which only one of
    `accuracy` and `val_accuracy` has a value is NaN in the other. A record that was cut off, and
    what comes after it, is left out.

    Raises:
        ValueError: If there is no scalar, or the records are of another kind.
        OSError: If a file cannot be read.
    """
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for path in sorted(paths):
        folder = path.parent.name
        for tag, step, value in _scalars(path):
            name = _name(folder, tag)
            if name:
                values[name][step] = value
    if not values:
        raise ValueError("holds no scalar of an epoch")
    steps = {name: values[name].keys() | values.get(_partner(name), {}).keys() for name in values}
    return {
        name: np.array([of.get(step, np.nan) for step in sorted(steps[name])])
        for name, of in values.items()
    }


def _partner(name: str) -> str:
    return name.removeprefix("val_") if name.startswith("val_") else f"val_{name}"


def _name(folder: str, tag: str) -> str:
    if tag.startswith(_PER_BATCH):
        return ""
    before, _, rest = tag.partition("/")
    prefix = _FOLDERS.get(folder, "")
    if rest and before.lower() in _FOLDERS:
        prefix, tag = _FOLDERS[before.lower()], rest
    return prefix + tag.removeprefix("epoch_")


def _scalars(path: Path) -> Any:
    records = iter(tf.data.TFRecordDataset(str(path)))
    while True:
        try:
            record = next(records)
        except (StopIteration, tf.errors.DataLossError):  # the end, or one that is being written
            return
        except tf.errors.OpError as error:
            raise OSError(error.message) from None
        try:
            event = tf.compat.v1.Event.FromString(record.numpy())
        except Exception:  # protobuf's, which has no name of TensorFlow's
            raise ValueError("holds records of another kind") from None
        for value in event.summary.value:
            if value.HasField("simple_value"):
                yield value.tag, event.step, value.simple_value
            elif value.metadata.plugin_data.plugin_name == "scalars" or (
                value.HasField("tensor") and value.tensor.dtype == tf.float32.as_datatype_enum
            ):
                array = tf.make_ndarray(value.tensor)
                if array.size == 1:
                    yield value.tag, event.step, float(array.squeeze())
