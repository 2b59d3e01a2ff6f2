import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_trainkit.datasets import Splits
from keras_trainkit.datasets.splits import stratified


def parted(labels, shares, seed=0):
    names = [str(label) for label in range(10)]
    return stratified("here", np.array(labels), names, shares, np.random.default_rng(seed))


@given(st.lists(st.integers(3, 40), min_size=1, max_size=6), st.integers(0, 2**32))
def test_every_index_stands_in_one_part_and_every_class_in_every_part(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    parts = parted(labels, (0.15, 0.3), seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        counts = [np.sum(labels[part] == label) for part in parts]
        assert counts[1:] == [max(1, round(0.15 * size)), max(1, round(0.3 * size))]


def test_without_shares_the_order_alone_is_drawn():
    labels = np.arange(50) % 2
    (everything,) = parted(labels, ())
    assert sorted(everything) == list(range(50))
    assert list(everything) != list(range(50))


def test_the_parts_are_mixed_not_class_after_class():
    train, _ = parted(np.repeat([0, 1], 50), (0.5,))
    first_half = np.mean(train[:25] < 50)  # the share of class 0
    assert 0.2 < first_half < 0.8


def test_the_draw_is_the_seeds():
    labels = np.arange(200) % 4
    once, again, other = (parted(labels, (0.2,), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once[1], again[1])
    assert set(once[1]) != set(other[1])


def test_every_member_is_as_likely_in_a_share():
    labels = np.zeros(10, int)
    counts = np.zeros(10)
    for seed in range(2000):
        counts[parted(labels, (0.2,), seed)[1]] += 1
    # 2,000 draws at 0.2: 400, standard deviation 18
    assert np.all(np.abs(counts - 400) < 5 * 18)


def test_a_class_that_cannot_stand_in_every_part_is_named():
    with pytest.raises(ValueError, match=r"`here`: the class '7' has 2 images, too few .* 3 parts"):
        parted([1, 1, 1, 7, 7], (0.1, 0.1))


def test_a_part_goes_straight_into_fit_and_the_splits_print_in_a_line():
    part = np.zeros((6, 4, 4, 3), "uint8"), np.arange(6) % 2
    splits = Splits(part, part, part, ("a", "b"))
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(*splits.train, validation_data=splits.validation, verbose=0)
    assert "val_loss" in history.history
    assert str(splits) == ("Splits(train=6, validation=6, test=6 images of 4x4x3 in 2 classes)")
