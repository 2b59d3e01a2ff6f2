import numpy as np
import pytest

from keras_trainkit.tuning import Choice, IntUniform, LogUniform, Uniform
from keras_trainkit.tuning.space import as_json, from_json

AXES = {
    "rate": LogUniform(1e-4, 1e-1),
    "dropout": Uniform(0.0, 0.5),
    "width": IntUniform(8, 64),
    "optimizer": Choice(["sgd", "adam", None, 3, True]),
}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LogUniform(0, 1), "`LogUniform`: `low` must be a finite number above 0, got 0. A"),
        (lambda: LogUniform(1e-1, 1e-3), "`LogUniform`: `high` must be a finite number above 0.1"),
        (lambda: Uniform(1, 1), "`Uniform`: `high` must be a finite number above 1, got 1."),
        (lambda: Uniform(0, np.inf), "`Uniform`: `high` must be a finite number above 0, got inf."),
        (lambda: IntUniform(3, 2), "`IntUniform`: `high` must be above low = 3, got 2."),
        (lambda: IntUniform(0.5, 2), "`IntUniform`: `low` must be a whole number, got 0.5."),
        (lambda: Choice([]), r"`Choice`: `choices` must be a list of at least one value, got \[\]"),
        (lambda: Choice("adam"), "`Choice`: `choices` must be a list of at least one value"),
        (
            lambda: Choice([1.0, np.nan]),
            "`Choice`: `choices` must hold no NaN, which equals nothing",
        ),
        (lambda: Choice([1, "a", True]), "`Choice`: `choices` must hold each value once, got"),
        (lambda: Choice([object]), "`Choice`: `choices` must hold numbers, strings, booleans or"),
    ],
)
def test_what_is_no_range_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_grids_go_from_end_to_end():
    np.testing.assert_allclose(AXES["rate"].grid(4), np.logspace(-4, -1, 4))
    np.testing.assert_allclose(AXES["dropout"].grid(6), [0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert IntUniform(1, 3).grid(9) == (1, 2, 3)
    assert AXES["optimizer"].grid(2) == ("sgd", "adam", None, 3, True)


def test_narrowed_ranges_hold_the_values_and_stay_within_the_old_one():
    dropout = Uniform(0, 1).narrowed([0.4, 0.6])
    assert (dropout.low, dropout.high) == pytest.approx((0.3, 0.7))
    assert Uniform(0, 1).narrowed([0.1, 0.9]) == Uniform(0, 1)
    rate = LogUniform(1e-4, 1).narrowed([1e-2, 1e-2])
    assert (rate.low, rate.high) == pytest.approx((10**-2.25, 10**-1.75))
    assert IntUniform(8, 64).narrowed([10, 14]) == IntUniform(8, 16)
    assert Choice(["a", "b", "c"]).narrowed(["c", "a"]) == Choice(["a", "c"])


@pytest.mark.parametrize("name", ["rate", "dropout", "width"])
def test_a_narrowed_range_holds_its_values(name):
    rng, axis = np.random.default_rng(0), AXES[name]
    for _ in range(100):
        values = sorted(rng.choice(axis.grid(20), 3).tolist())
        narrowed = axis.narrowed(values)
        assert axis.low <= narrowed.low <= values[0] <= values[-1] <= narrowed.high <= axis.high


def test_plain_values_and_back():
    assert from_json(as_json(AXES)) == AXES


@pytest.mark.parametrize(
    ("axis", "inside", "outside"),
    [
        (Uniform(0.1, 0.5), (0.1, 0.3, 0.5), (0.09, 0.51)),
        (LogUniform(1e-4, 1.0), (1e-4, 0.5, 1.0), (9e-5, 1.1)),
        (IntUniform(2, 4), (2, 3, 4), (1, 5)),
        (Choice(["a", None]), ("a", None), ("b",)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_holds(axis, inside, outside):
    assert all(map(axis.holds, inside))
    assert not any(map(axis.holds, outside))
