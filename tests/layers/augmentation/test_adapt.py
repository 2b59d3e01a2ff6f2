"""Numbers taken from a training set, against NumPy and scikit-learn on all of it at once."""

import re

import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle
from sklearn.preprocessing import StandardScaler

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture
def images(photo):
    """(13, 8, 6, 3) uint8, pieces of a photograph, each of its own brightness."""
    return np.stack([photo[4 * i : 4 * i + 8, 6 * i : 6 * i + 6] for i in range(13)])


def ragged_batches(images):
    return [images[:5], images[5:6], images[6:]]


FORMS = {
    "an array": lambda images: images,
    "a tensor": lambda images: tf.constant(images),
    "batches": lambda images: iter(ragged_batches(images)),
    "single images": lambda images: list(images),
    "a dataset": lambda images: tf.data.Dataset.from_tensor_slices(images).batch(4),
    "pairs": lambda images: tf.data.Dataset.from_tensor_slices((images, range(13))).batch(4),
    "dictionaries": lambda images: [{"images": x, "labels": 0} for x in ragged_batches(images)],
    "empty batches too": lambda images: [images[:0], *ragged_batches(images), images[:0]],
}


@pytest.mark.parametrize("form", FORMS)
def test_mean_and_variance_are_those_of_all_pixels(form, images):
    layer = layers.Normalization()
    layer.adapt(FORMS[form](images))
    pixels = images.reshape(-1, 3).astype("float64")
    np.testing.assert_allclose(layer.mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(layer.variance, pixels.var(0), rtol=1e-12)
    expected = StandardScaler().fit_transform(pixels).reshape(images.shape)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_principal_components_are_those_of_all_pixels(form, images):
    layer = layers.PCAColorJitter()
    layer.adapt(FORMS[form](images))
    values, vectors = oracle.principal_components(images.reshape(-1, 3) / 255)
    np.testing.assert_allclose(layer.eigenvalues, values, rtol=1e-9)
    ours = np.array(layer.eigenvectors)
    np.testing.assert_allclose(np.abs(np.sum(ours * vectors, axis=0)), 1, rtol=1e-9)
    covariance = ours @ np.diag(layer.eigenvalues) @ ours.T
    np.testing.assert_allclose(covariance, np.cov(images.reshape(-1, 3).T / 255, bias=True))


def test_principal_components_know_the_range_of_values(images):
    scaled = layers.PCAColorJitter(value_range=(-1, 1))
    scaled.adapt((images / 127.5 - 1).astype("float32"))
    plain = layers.PCAColorJitter()
    plain.adapt(images)
    np.testing.assert_allclose(scaled.eigenvalues, plain.eigenvalues, rtol=1e-5)


def test_alpha_is_no_colour(images):
    layer = layers.PCAColorJitter()
    layer.adapt(np.concatenate([images, images[..., :1] // 2], axis=3))
    plain = layers.PCAColorJitter()
    plain.adapt(images)
    np.testing.assert_allclose(layer.eigenvalues, plain.eigenvalues)


def test_a_pipeline_adapts_its_members_in_its_own_range(images):
    unit = (images / 255).astype("float32")
    jitter, normalization = layers.PCAColorJitter(), layers.Normalization()
    pipeline = layers.Pipeline([jitter, normalization], value_range=(0, 1))
    pipeline.adapt(unit)
    mean = unit.astype("float64").mean((0, 1, 2))
    np.testing.assert_allclose(normalization.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(sum(jitter.eigenvalues), sum(normalization.variance), rtol=1e-6)


def test_a_plan_follows_what_was_adapted(images):
    layer = layers.Pipeline([layers.RandomFlip(), layers.Normalization(0.0, 1.0)], seed=1)
    assert np.array_equal(layer(images, training=False), images)
    layer.adapt(images)
    assert abs(layer(images).numpy().mean()) < 1e-5
    assert abs(layer(images, training=False).numpy().mean()) < 1e-5


def test_the_numbers_travel_with_the_config(images):
    pipeline = layers.Pipeline([layers.PCAColorJitter(), layers.Normalization()])
    pipeline.adapt(images)
    again = layers.Pipeline.from_config(pipeline.get_config())
    for ours, theirs in zip(pipeline.layers, again.layers, strict=True):
        assert ours.get_config() == theirs.get_config()
    assert again.layers[1].mean == pipeline.layers[1].mean


def test_steps_end_an_endless_dataset(images):
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(3).repeat()
    layer = layers.Normalization()
    layer.adapt(dataset, steps=2)
    np.testing.assert_allclose(layer.mean, images[:6].mean((0, 1, 2)))


def test_progress_is_shown_where_asked_for(images, capsys):
    layers.Normalization().adapt(ragged_batches(images))
    assert capsys.readouterr().out == ""
    layers.Normalization().adapt(ragged_batches(images), verbose=1)
    assert re.search(r"3/Unknown .*\n$", capsys.readouterr().out)


def test_far_from_zero_nothing_is_lost():
    """The variance of 1e6 + noise is the noise's."""
    values = 1e6 + np.random.default_rng(0).normal(size=(40, 5, 5, 1))
    layer = layers.Normalization()
    layer.adapt(iter(values))
    np.testing.assert_allclose(layer.variance, [values.var()], rtol=1e-9)


def test_a_channel_that_never_varies_becomes_zero():
    flat = np.full((2, 3, 3, 2), 77, "uint8")
    flat[..., 1] = np.arange(9).reshape(3, 3)
    layer = layers.Normalization()
    layer.adapt(flat)
    assert (layer(flat).numpy()[..., 0] == 0).all()
    np.testing.assert_allclose(layer(flat).numpy()[..., 1].std(), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (np.zeros((0, 4, 4, 3)), "hold at least one image"),
        ([], "hold at least one image"),
        (np.zeros((5, 28, 28)), r"have the shape \(n, height, width, channels\)"),
        ([np.zeros((28, 28))], "hold images or batches of them"),
        ([np.zeros((4, 4, 3)), np.zeros((4, 4, 1))], "keep to 3 channels"),
        ([np.full((4, 4, 3), np.nan)], "hold finite pixels, got 'NaN or infinity in element 1'"),
    ],
)
def test_data_that_says_nothing_is_refused(data, rule):
    for layer in (layers.Normalization(), layers.PCAColorJitter()):
        with pytest.raises(ValueError, match=f"`{type(layer).__name__}`: `data` must {rule}"):
            layer.adapt(data)


def test_what_has_nothing_to_adapt_says_so():
    with pytest.raises(ValueError, match="Only Normalization and PCAColorJitter adapt"):
        layers.Pipeline([layers.RandomFlip()]).adapt(np.zeros((1, 2, 2, 3)))
    with pytest.raises(ValueError, match="`PCAColorJitter`: `data` must have 3 or 4 channels"):
        layers.PCAColorJitter().adapt(np.zeros((2, 4, 4, 1)))
    with pytest.raises(ValueError, match="be known before the first call"):
        layers.Normalization()(np.zeros((2, 4, 4, 1)))
