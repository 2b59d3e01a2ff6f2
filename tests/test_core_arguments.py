"""Argument checks: what they let through, what they make of it, and the one wording."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest

from keras_trainkit._core import arguments


class Layer:
    """Stands for the object whose argument it is."""


OWNER = Layer()
HUGE = 10**400  # beyond every float
NOT_NUMBERS = [None, "1", True, np.True_, 1j, [1.0], np.ones(1), math.nan, math.inf, HUGE]


def same(result, expected):
    assert type(result) is type(expected)
    assert result == expected


@pytest.mark.parametrize(
    "value", [3, 3.0, np.float64(3), np.float32(3), np.int8(3), np.array(3), Fraction(3)]
)
def test_a_number_becomes_a_python_float(value):
    same(arguments.number(OWNER, "rate", value), 3.0)
    same(arguments.probability(OWNER, "rate", value / 4), 0.75)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match=r"^`Layer`: `rate` must be a finite number, got "):
        arguments.number(OWNER, "rate", value)
    with pytest.raises(ValueError, match="be a probability between 0 and 1, got "):
        arguments.probability(OWNER, "rate", value)
    with pytest.raises(ValueError, match="be a whole number of at least 0, got "):
        arguments.integer(OWNER, "rate", value, 0)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        ({"above": 0}, 1e-300, 0, "above 0"),
        ({"minimum": 0}, 0, -1e-300, "at least 0"),
        ({"below": 1}, 1 - 1e-16, 1, "below 1"),
        ({"maximum": 1}, 1, 1 + 1e-15, "at most 1"),
        ({"minimum": 0, "below": 1}, 0, 1, "at least 0 and below 1"),
        ({"above": 0, "maximum": 0.5}, 0.5, 0, "above 0 and at most 0.5"),
    ],
)
def test_bounds_are_open_or_closed_as_named(bounds, inside, outside, words):
    same(arguments.number(OWNER, "rate", inside, **bounds), float(inside))
    with pytest.raises(ValueError, match=f"must be a finite number {words}, got "):
        arguments.number(OWNER, "rate", outside, **bounds)


def test_a_refusal_is_one_sentence_and_the_cure():
    sentence = "`scale`: `size` must be a finite number above 0, got -3. Take a positive one."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        arguments.number("scale", "size", -3, above=0, cure="Take a positive one.")


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_the_ends_are_probabilities(value):
    same(arguments.probability(OWNER, "p", value), float(value))


@pytest.mark.parametrize("value", [-1e-9, 1 + 1e-9, -0.5, 7])
def test_outside_of_them_nothing_is(value):
    with pytest.raises(ValueError, match=re.escape(f"between 0 and 1, got {value!r}.")):
        arguments.probability(OWNER, "p", value)


@pytest.mark.parametrize("value", [4, 4.0, np.int64(4), np.uint8(4), np.float32(4), np.array(4)])
def test_a_whole_number_becomes_a_python_int(value):
    same(arguments.integer(OWNER, "steps", value, 4), 4)


def test_whole_numbers_stay_exact_beyond_floats():
    same(arguments.integer(OWNER, "steps", 2**60 + 1, 0), 2**60 + 1)


@pytest.mark.parametrize("value", [3, 4.5, -4])
def test_fractions_and_small_ones_are_refused(value):
    with pytest.raises(ValueError, match="`steps` must be a whole number of at least 4, got "):
        arguments.integer(OWNER, "steps", value, 4)


def test_booleans_are_not_guessed():
    same(arguments.boolean(OWNER, "shift", np.bool_(False)), False)
    same(arguments.boolean(OWNER, "shift", True), True)
    for value in (1, 0, "no", None, []):
        with pytest.raises(ValueError, match="`shift` must be True or False, got "):
            arguments.boolean(OWNER, "shift", value)


def test_words_are_listed_where_one_is_wrong():
    assert arguments.one_of(OWNER, "mode", "step", ("rate", "step")) == "step"
    for value in ("Step", None, 1, ["step"]):
        with pytest.raises(ValueError, match="`mode` must be one of 'rate', 'step', got "):
            arguments.one_of(OWNER, "mode", value, ("rate", "step"))


@pytest.mark.parametrize(
    "value", [[1, 2], (1.0, 2), np.array([1, 2]), [np.float32(1), 2], range(1, 3)]
)
def test_a_sequence_becomes_a_tuple_of_floats(value):
    result = arguments.numbers_of(OWNER, "factor", value)
    assert result == (1.0, 2.0)
    assert {type(item) for item in (result, *result)} == {tuple, float}


@pytest.mark.parametrize(
    "value",
    ["12", b"12", {1, 2}, 3, np.array(3.0), [1, None], [[1, 2]], np.ones((2, 2)), [1, math.nan]],
)
def test_what_is_no_sequence_of_numbers_is_refused(value):
    with pytest.raises(ValueError, match="`factor` must be a sequence of finite numbers, got "):
        arguments.numbers_of(OWNER, "factor", value)


def test_the_count_of_a_sequence_is_kept():
    assert arguments.numbers_of(OWNER, "factor", [], 0) == ()
    with pytest.raises(ValueError, match="be a sequence of 3 finite numbers, got "):
        arguments.numbers_of(OWNER, "factor", (1, 2), 3)


def test_an_interval_has_two_ends_in_order_and_in_bounds():
    assert arguments.interval(OWNER, "factor", [0, 1]) == (0.0, 1.0)
    assert arguments.interval(OWNER, "factor", (2, 2), 2, 2) == (2.0, 2.0)
    with pytest.raises(ValueError, match="with low <= high, got "):
        arguments.interval(OWNER, "factor", (1, 0))
    with pytest.raises(ValueError, match="lie between 0 and 1, got "):
        arguments.interval(OWNER, "factor", (-0.1, 0.5), 0, 1)
    with pytest.raises(ValueError, match="lie between 0 and 1, got "):
        arguments.interval(OWNER, "factor", (0.5, 1.1), 0, 1)


def test_black_is_below_white():
    assert arguments.value_range(OWNER, np.array([0, 255], "uint8")) == (0.0, 255.0)
    for value in ((255, 0), (1, 1)):
        with pytest.raises(
            ValueError, match=r"`value_range` must be a pair .* with low < high, got "
        ):
            arguments.value_range(OWNER, value)
