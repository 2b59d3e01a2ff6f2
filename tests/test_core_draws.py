"""Stateless draws: the published bits, and the distributions made of them."""

import jax
import jax.extend
import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle
from scipy import stats

from keras_trainkit._core.draws import (
    Draw,
    key_from_integer,
    names_of,
    symmetric_beta_quantile,
    threefry2x32,
)

# Random123 1.14, kat_vectors: key, counter, bits
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]
EVERY_256TH = np.arange(128, 2**24, 256, dtype="int32")
ROWS = tf.range(20000)


def words(values):
    return tuple(tf.constant(value, tf.uint32) for value in values)


def drawn(names, seed=3, rows=ROWS):
    return Draw.hashed(key_from_integer(seed), rows, names)


@pytest.mark.parametrize(("key", "counter", "bits"), KNOWN)
def test_threefry_gives_the_published_bits(key, counter, bits):
    assert tuple(int(word) for word in threefry2x32(words(key), words(counter))) == bits
    assert oracle.threefry2x32(key, counter) == bits


def test_threefry_is_that_of_jax_and_of_slow_integers():
    key, *counter = np.random.default_rng(0).integers(0, 2**32, (3, 50), dtype="uint32")
    ours = np.stack(threefry2x32(words(key[:2]), words(counter)))
    theirs = jax.extend.random.threefry_2x32(key[:2], np.concatenate(counter))
    assert np.array_equal(ours.ravel(), theirs)
    slow = [oracle.threefry2x32(key[:2].tolist(), pair) for pair in np.transpose(counter).tolist()]
    assert np.array_equal(ours, np.transpose(slow))


@pytest.mark.parametrize("regime", ["function", "xla", "data"])
def test_every_regime_draws_the_same_bits(regime):
    def draw(key):
        draw = Draw.hashed(key, tf.range(64), ("a", "b"))
        return draw.uniform("a", 0.0, 1.0), draw.coin("b", 0.3), draw.permutation("b")

    key = key_from_integer(2**40 + 5)
    if regime == "data":
        result = tf.data.Dataset.from_tensors(key).map(draw).get_single_element()
    else:
        result = tf.function(draw, jit_compile=regime == "xla")(key)
    assert all(map(np.array_equal, result, draw(key)))


def test_a_row_does_not_depend_on_the_others():
    whole = drawn(("a",)).uniform("a").numpy()
    part = drawn(("a", "b"), rows=tf.constant([7, 3])).uniform("a").numpy()
    assert np.array_equal(part, whole[[7, 3]])


def test_names_keys_and_rows_are_independent():
    draw = drawn(("a", "b"))
    sets = [draw.uniform("a"), draw.uniform("b"), drawn(("a",), 4).uniform("a")]
    sets += [sets[0][1:], drawn(("a",), 3 + 2**32).uniform("a")]
    for i, first in enumerate(sets):
        for second in sets[:i]:
            first_19999, second_19999 = np.asarray(first)[:19999], np.asarray(second)[:19999]
            assert abs(np.corrcoef(first_19999, second_19999)[0, 1]) < 0.03


def test_inside_a_path_names_are_others():
    draw = drawn(("a", "part/a"))
    assert np.array_equal(draw.within("part").uniform("a"), draw.uniform("part/a"))
    assert not np.array_equal(draw.uniform("part/a"), draw.uniform("a"))


def test_uniform_numbers():
    values = drawn(("a",)).uniform("a").numpy()
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    scaled = drawn(("a",)).uniform("a", -2, 3).numpy()
    np.testing.assert_allclose(scaled, 5 * values - 2, atol=1e-6)


@pytest.mark.parametrize("p", [0.0, 2.0**-24, 0.3, 1 - 2.0**-24, 1.0])
def test_coins_are_exact_at_both_ends(p):
    ends = Draw(lambda name: tf.constant([0, 2**24 - 1]))
    assert ends.coin("a", p).numpy().tolist() == [p > 0, p == 1]
    share = drawn(("a",)).coin("a", p).numpy().mean()
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 20000) + 1e-6


def test_signs():
    signs = drawn(("a",)).sign("a").numpy()
    assert set(signs) == {-1, 1}
    assert abs(signs.mean()) < 0.03


def test_normal_numbers_are_the_quantiles():
    integers = np.unique(np.r_[0:99, EVERY_256TH, 2**24 - 99 : 2**24]).astype("int32")
    values, mirrored = (
        Draw(lambda name, given=given: tf.constant(given)).normal("a", 0.1).numpy()
        for given in (integers, 2**24 - 1 - integers)
    )
    expected = stats.norm.ppf((integers + 0.5) / 2**24, scale=0.1)
    np.testing.assert_allclose(values, expected, atol=2e-7)
    assert np.array_equal(values, -mirrored)


@pytest.mark.parametrize(
    ("alpha", "error"),
    [
        (0.01, 1e-4),
        (0.1, 1e-6),
        (0.2, 1e-6),
        (0.4, 1e-6),
        (0.75, 1e-6),
        (1.0, 1e-6),
        (1.5, 1e-6),
        (2.0, 1e-6),
        (4.0, 1e-6),
        (8.0, 1e-6),
        (100.0, 1e-4),
    ],
)
def test_beta_numbers_are_the_quantiles(alpha, error):
    integers = np.unique(np.r_[0:99, EVERY_256TH, 2**24 - 99 : 2**24]).astype("int32")
    values = symmetric_beta_quantile(tf.constant(integers), alpha).numpy()
    expected = stats.beta.ppf((integers + 0.5) / 2**24, alpha, alpha)
    np.testing.assert_allclose(values, expected, atol=error)
    if 0.1 <= alpha <= 8:  # small shares are right in their leading digits too
        inner = expected > 1e-30
        np.testing.assert_allclose(values[inner], expected[inner], rtol=1e-5)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1e3, 1e6])
def test_beta_numbers_of_extreme_shapes_are_numbers(alpha):
    values = symmetric_beta_quantile(tf.constant(EVERY_256TH), alpha).numpy()
    assert np.isfinite(values).all()
    assert (np.diff(values) >= -1e-5).all()
    assert values.min() >= 0
    assert values.max() <= 1
    assert abs(values.mean() - 0.5) < 1e-3


def test_permutations():
    for rows in (0, 1, 2, 33):
        order = drawn(("a",), rows=tf.range(rows)).permutation("a").numpy()
        assert sorted(order) == list(range(rows))
    tied = Draw(lambda name: tf.constant([5, 5, 1, 5])).permutation("a")
    assert tied.numpy().tolist() == [1, 2, 0, 3]
    orders = [
        tuple(drawn(("a",), seed, tf.range(3)).permutation("a").numpy()) for seed in range(150)
    ]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("quantile", [0.0, 0.25, 0.5, 1.0])
def test_a_fixed_draw_stands_at_its_quantile(quantile):
    draw = Draw.fixed(quantile, rows=3).within("path")
    np.testing.assert_allclose(draw.uniform("a", -1, 3), [4 * quantile - 1] * 3, atol=1e-6)
    assert draw.coin("a", 0.001).numpy().all()
    shown = stats.norm.ppf(quantile).clip(-3, 3)
    np.testing.assert_allclose(draw.normal("a", 2.0), [2 * shown] * 3, atol=1e-5)
    np.testing.assert_allclose(draw.beta("a", 1.0), [quantile] * 3, atol=1e-6)
    assert draw.permutation("a").numpy().tolist() == [1, 2, 0]


def test_names_are_collected_and_a_second_draw_of_one_refused():
    def sample(draw):
        return draw.uniform("a"), draw.within("part").sign("b"), draw.permutation("c")

    assert names_of(sample) == ("a", "part/b", "c")
    with pytest.raises(ValueError, match="draws 'a' twice"):
        names_of(lambda draw: (draw.uniform("a"), draw.normal("a")))


def test_keys_of_integers_differ():
    keys = [tuple(key_from_integer(value).numpy()) for value in (0, 1, 2**32, 2**32 + 1, 2**63 - 1)]
    assert len(set(keys)) == 5
    assert key_from_integer(tf.constant(7, tf.int64)).numpy().tolist() == [7, 0]
