"""Keras configs read off the constructor's signature.

The law behind it: a constructor stores each of its arguments under the argument's own name
and ends in `**kwargs` for the Keras base class.  Then no class writes `get_config` by hand.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras


def own_config(instance: object) -> dict[str, Any]:
    """The constructor's named arguments and their present values, nested objects serialised.

    Args:
        instance: An object whose constructor keeps the law above.

    Returns:
        A dictionary that `keras.saving` can write: the arguments of the class and of its bases
        in the kit; those of the Keras base class are left to Keras.
    """
    return {name: _serialize(getattr(instance, name)) for name in _argument_names(type(instance))}


def revive(config: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments from a config: nested objects are built again."""
    return {name: _deserialize(value) for name, value in config.items()}


def _argument_names(cls: type) -> list[str]:
    """Every named constructor argument, the class's own first, down to Keras' base class."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is object or base.__module__.partition(".")[0] == "keras":
            break
        if "__init__" in vars(base):
            for parameter in inspect.signature(vars(base)["__init__"]).parameters.values():
                if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                    names[parameter.name] = None
    return list(names)


def _serialize(value: Any) -> Any:
    if isinstance(value, list | tuple):
        # a new plain one: TensorFlow's layers hold theirs in wrappers of its own
        items = [_serialize(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if hasattr(value, "get_config") or callable(value):
        return keras.saving.serialize_keras_object(value)
    return value


def _deserialize(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_deserialize(item) for item in value)
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return keras.saving.deserialize_keras_object(value)
    return value
