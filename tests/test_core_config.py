"""Configs read off constructors, and what is built from them again."""

import json

import keras
import numpy as np
import pytest

from keras_trainkit._core.config import own_config, revive
from keras_trainkit._core.registration import PACKAGE, register


class Kind(keras.layers.Layer):
    """A base of the kit: its arguments belong into the config of its members."""

    def __init__(self, p=1.0, **kwargs):
        super().__init__(**kwargs)
        self.p = p

    def get_config(self):
        return {**super().get_config(), **own_config(self)}

    @classmethod
    def from_config(cls, config):
        return cls(**revive(config))


@register
class Member(Kind):
    """One with an argument of each sort."""

    def __init__(self, size, *, inner=None, steps=(), words=None, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.inner = inner
        self.steps = tuple(steps)
        self.words = words


def schedule():
    return keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


@pytest.fixture
def member():
    return Member(
        3,
        inner=schedule(),
        steps=((schedule(), 5), (schedule(), 7)),
        words={"a": 1},
        p=0.5,
        name="m",
    )


def test_every_named_argument_is_there_the_bases_too(member):
    assert list(own_config(member)) == ["size", "inner", "steps", "words", "p"]
    assert {"size", "p", "name", "trainable", "dtype"} <= set(member.get_config())


def test_a_config_is_plain_data_and_makes_an_equal_one(member):
    config = member.get_config()
    json.dumps(config)
    again = Member.from_config(config)
    assert again.get_config() == config
    assert again.inner.get_config() == schedule().get_config()
    assert [type(item) for item in again.steps[0]] == [type(schedule()), int]
    assert isinstance(again.steps, tuple)
    assert (again.size, again.p, again.name, again.words) == (3, 0.5, "m", {"a": 1})


def test_a_config_is_not_changed_by_building_from_it(member):
    config = member.get_config()
    before = json.dumps(config)
    Member.from_config(config)
    assert json.dumps(config) == before


def test_it_survives_keras_saving_by_registered_name(member):
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(member)))
    assert saved["registered_name"] == f"{PACKAGE}>Member"
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is Member
    assert json.dumps(again.get_config()) == json.dumps(member.get_config())


def test_it_survives_a_saved_model(member, tmp_path):
    class Same(Member):
        def call(self, x):
            return x

    inputs = keras.Input((2,))
    model = keras.Model(inputs, register(Same)(3, inner=schedule())(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[1].get_config() == model.layers[1].get_config()
    assert np.array_equal(again(np.ones((1, 2))), model(np.ones((1, 2))))


def test_functions_are_written_by_name():
    assert revive(own_config(Member(1, inner=keras.activations.relu)))["inner"] is (
        keras.activations.relu
    )


def test_keras_own_arguments_are_left_to_keras(member):
    assert not {"name", "dtype", "trainable"} & set(own_config(member))
