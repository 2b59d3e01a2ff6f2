"""The laws that every public class keeps, over the rows of `cases.py`."""

import inspect
import json
import re

import cases
import keras
import numpy as np
import pytest
from rooms import CLASSES, PUBLIC, SAVED

from keras_trainkit._core.registration import PACKAGE

ROWS = [case for rows in vars(cases).values() if isinstance(rows, list) for case in rows]
# Nobody's idea in particular: they name no source.
OUR_OWN = {"Choice", "Constant", "IntUniform", "Join", "Splits", "Uniform"}

each_row = pytest.mark.parametrize("case", ROWS, ids=str)
each_saved_row = pytest.mark.parametrize(
    "case", [case for case in ROWS if case.cls in SAVED], ids=str
)


def named_arguments(cls):
    """The constructor's arguments but for `*args` and `**kwargs`."""
    return [
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]


def through_json(value):
    return json.loads(json.dumps(value))


def is_plain(value):
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def numpyfied(value):
    """The same value as someone would pass it who computes with NumPy."""
    if isinstance(value, bool | int | float):
        return np.asarray(value)[()]
    if isinstance(value, list | tuple):
        return [numpyfied(item) for item in value]
    return value


def test_every_public_class_has_a_row():
    assert {case.cls for case in ROWS} == set(CLASSES)


@each_row
def test_every_argument_is_stored_under_its_own_name(case):
    built = case.build()
    assert [name for name in named_arguments(case.cls) if not hasattr(built, name)] == []
    # an optimizer's rate is a float32 variable; its config has what was given, so rounded
    stored = built.get_config() if case.cls in SAVED else vars(built)
    for name, value in case.arguments.items():
        if isinstance(value, float):
            assert stored[name] == pytest.approx(value, rel=1e-6)
        elif is_plain(value):
            assert through_json(stored[name]) == through_json(value)


@each_row
def test_an_unknown_argument_is_refused(case):
    with pytest.raises((TypeError, ValueError), match="no_such_argument"):
        case.build(no_such_argument=1)


@each_saved_row
def test_a_config_is_plain_data_with_every_argument(case):
    config = case.build().get_config()
    assert set(named_arguments(case.cls)) <= set(config)
    assert through_json(config) is not None


@each_saved_row
def test_an_equal_one_is_built_from_a_config_which_stays_as_it_was(case):
    built = case.build()
    config = built.get_config()
    before = json.dumps(config)
    again = case.cls.from_config(config)
    assert json.dumps(config) == before
    assert type(again) is case.cls
    assert again.get_config() == built.get_config()


@each_saved_row
def test_it_survives_keras_saving(case):
    built = case.build()
    saved = through_json(keras.saving.serialize_keras_object(built))
    assert saved["registered_name"] == f"{PACKAGE}>{case.cls.__name__}"
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is case.cls
    assert again.get_config() == built.get_config()


@each_saved_row
def test_lists_and_numpy_numbers_are_taken_and_not_kept(case):
    plain = case.build()
    given = {name: numpyfied(value) for name, value in case.arguments.items()}
    name = {"name": plain.name} if hasattr(plain, "name") else {}
    config = case.cls(**given, **name).get_config()
    assert through_json(config) == through_json(plain.get_config())
    assert config == plain.get_config()


@pytest.mark.parametrize("value", PUBLIC, ids=lambda value: value.__name__)
def test_the_documentation_is_whole(value):
    text = inspect.getdoc(value)
    summary = text.splitlines()[0]
    assert summary[0].isupper() or summary[0] == "`"
    assert summary[-1] in ".:"
    arguments = named_arguments(value)
    assert not arguments or "\nArgs:\n" in text
    undocumented = [
        name
        for name in arguments
        if not re.search(rf"^    (?:\w+, )*{name}(?:, \w+)*: ", text, re.M)
    ]
    assert undocumented == []
    assert "\n>>> " in text
    if inspect.isclass(value):
        assert bool(re.search(r"^Source: ", text, re.M)) is (value.__name__ not in OUR_OWN)
