"""MixUp and CutMix against their papers' formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle

from keras_trainkit import layers
from keras_trainkit.layers.augmentation import structures

pytestmark = pytest.mark.usefixtures("uncompiled")

RNG = np.random.default_rng(2)
IMAGES = RNG.uniform(0, 255, (4, 9, 12, 3)).astype("float32")
ONE_HOT = np.eye(5, dtype="float32")[[4, 0, 0, 2]]
PARTNER = np.array([2, 3, 0, 3], "int32")  # the last one is its own


def mixed(layer, data, **drawn):
    drawn = {"applied": [True, True, False, True], "partner": PARTNER, **drawn}
    tensors = {name: tf.constant(value) for name, value in drawn.items()}
    sample = structures.unpack(layer, tf.nest.map_structure(tf.convert_to_tensor, data))
    result = structures.pack(layer.plan()(layer, sample, (tensors,)))
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), result)


def test_labels_and_weights_have_a_row_for_each_image():
    for data in ((IMAGES, ONE_HOT[:3]), (IMAGES, ONE_HOT, np.ones(3, "float32"))):
        with pytest.raises(ValueError, match="`MixUp`: `labels` and `sample_weight` must have a"):
            layers.MixUp()(data)


@pytest.mark.parametrize("training", [True, False])
def test_whole_weights_become_floats(training):
    weights = layers.MixUp()((IMAGES, ONE_HOT, np.ones(4, "int32")), training=training)[2]
    assert weights.dtype == "float32"
    assert weights.numpy().tolist() == [1, 1, 1, 1]


def test_mixup_is_its_formula():
    share = np.array([0.9, 0.3, 0.5, 0.2], "float32")
    weights = np.array([1, 2, 3, 4], "float32")
    images, labels, mixed_weights = mixed(layers.MixUp(), (IMAGES, ONE_HOT, weights), share=share)
    for i, (own, other) in enumerate(zip(share, PARTNER, strict=True)):
        own = 1 if i == 2 else np.float64(own)  # the one that chance left alone
        for result, values in ((images, IMAGES), (labels, ONE_HOT), (mixed_weights, weights)):
            expected = own * values[i] + (1 - own) * values[other]
            np.testing.assert_allclose(result[i], expected, atol=1e-4)
    assert np.array_equal(images[2:], IMAGES[2:])
    assert np.array_equal(labels[2:], ONE_HOT[2:])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_cutmix_pastes_and_counts_the_pixels_kept(dtype):
    images = IMAGES.astype(dtype)
    share = np.array([0.75, 0.4, 0.2, 0.1], "float32")
    y, x = np.array([0.0, 0.5, 0.5, 0.5], "float32"), np.array([0.1, 0.95, 0.5, 0.5], "float32")
    result, labels = mixed(layers.CutMix(), (images, ONE_HOT), share=share, y=y, x=x)
    assert result.dtype == dtype
    for i in range(4):
        side = np.sqrt(1 - share[i])
        height, width = round(float(side * 9)), round(float(side * 12))
        pasted = oracle.box((9, 12), int(y[i] * 9), int(x[i] * 12), height, width)
        pasted &= i != 2
        expected = np.where(pasted[..., None], images[PARTNER[i]], images[i])
        assert np.array_equal(result[i], expected)
        kept = 1 - pasted.mean() * (PARTNER[i] != i)
        own, other = ONE_HOT[i], ONE_HOT[PARTNER[i]]
        np.testing.assert_allclose(labels[i], kept * own + (1 - kept) * other, atol=1e-6)


def test_the_label_is_the_area_for_every_draw():
    """Keras' layer keeps the lambda that it drew, whatever the border cut off."""
    black_and_white = np.zeros((400, 10, 14, 1), "uint8")
    black_and_white[200:] = 1
    colours = np.repeat([[1.0, 0.0], [0.0, 1.0]], 200, axis=0)
    images, labels = layers.CutMix(seed=0)(black_and_white, colours)
    np.testing.assert_allclose(labels.numpy()[:, 1], images.numpy().mean((1, 2, 3)), atol=1e-6)
    shares = labels.numpy()[:, 1]
    assert ((shares > 0.05) & (shares < 0.95)).sum() > 100


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_labels_of_one_axis_stay_so(cls):
    """Keras' MixUp makes (B, B) of (B,)."""
    ages = np.array([10.0, 20.0, 30.0, 40.0], "float32")
    _, labels = cls(1.0, seed=1)(IMAGES, ages)
    assert labels.shape == (4,)
    assert not np.array_equal(labels, ages)
    assert labels.numpy().min() >= 10
    assert labels.numpy().max() <= 40


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
@pytest.mark.parametrize("shape", [(4, 5), (4, 1), (4, 3, 2), (4, 2, 3, 2)], ids=str)
def test_floating_labels_of_any_shape_mix_along_the_first_axis(cls, shape):
    labels = RNG.uniform(size=shape)
    _, flat = cls(1.0, seed=1)(IMAGES, labels.reshape(4, -1))
    _, same = cls(1.0, seed=1)(IMAGES, labels)
    assert same.dtype == "float64"
    assert np.array_equal(same, flat.numpy().reshape(shape))


def test_nested_labels_mix_alike():
    labels = {"class": np.array([3, 1, 1, 0]), "more": (ONE_HOT, None)}
    layer = layers.MixUp(1.0, num_classes=4, seed=1)
    _, result = layer(IMAGES, labels)
    _, alone = layers.MixUp(1.0, seed=1)(IMAGES, ONE_HOT)
    assert result["class"].shape == (4, 4)
    assert np.array_equal(result["more"][0], alone)
    assert result["more"][1] is None


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16", "float32"])
def test_class_ids_beyond_256_are_kept_whole(policy, training, request):
    """999 is 1000 in bfloat16, which Keras' own layers make of it."""
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    keras.config.set_dtype_policy(policy)
    for shape in ((4,), (4, 1)):
        classes = np.array([999, 257, 0, 513]).reshape(shape)
        _, labels = layers.MixUp(num_classes=1000, p=0.0)(IMAGES, classes, training=training)
        assert labels.dtype == "float32"
        assert np.array_equal(labels, np.eye(1000, dtype="float32")[classes.ravel()])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integer_one_hot_rows_are_taken_as_such(dtype):
    _, labels = layers.MixUp(num_classes=5, p=0.0)(IMAGES, ONE_HOT.astype(dtype))
    assert labels.dtype == "float32"
    assert np.array_equal(labels, ONE_HOT)


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_a_batch_of_one_mixes_with_itself(cls):
    images, labels = cls(seed=0)(IMAGES[:1], ONE_HOT[:1])
    assert np.array_equal(images, IMAGES[:1])
    assert np.array_equal(labels, ONE_HOT[:1])


def test_one_share_for_the_batch():
    layer = layers.MixUp(1.0, per="batch")
    shares = [layer.parameters(seed, 6)["MixUp"]["share"] for seed in range(5)]
    assert all(len(set(each.tolist())) == 1 for each in shares)
    assert len({each[0] for each in shares}) == 5
    single = layers.MixUp(1.0).parameters(0, 6)["MixUp"]["share"]
    assert len(set(single.tolist())) == 6


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_partners_are_a_permutation(cls):
    for seed in range(5):
        partners = cls().parameters(seed, 50)[cls.__name__]["partner"]
        assert sorted(partners.tolist()) == list(range(50))


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_what_cannot_be_mixed_is_refused(cls):
    name = cls.__name__
    with pytest.raises(ValueError, match=f"`{name}`: `num_classes` must be given where labels"):
        cls()(IMAGES, np.array([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=f"`{name}`: `inputs` must be a batch"):
        cls()(IMAGES[0])
    with pytest.raises(ValueError, match=f"`{name}`: `labels` must be integers or floating"):
        cls(num_classes=3)(IMAGES, np.array(["a", "b", "c", "d"]))
    for classes in ([0, 1, 2, 3], [0, -1, 2, 2]):
        with pytest.raises(
            (ValueError, tf.errors.InvalidArgumentError), match=rf"`{name}`: class ids must lie"
        ):
            cls(num_classes=3)(IMAGES, np.array(classes))


def test_images_without_labels_mix_too():
    assert layers.MixUp(seed=0)(IMAGES).shape == IMAGES.shape
    images, nothing = layers.CutMix(seed=0)(IMAGES, None)
    assert nothing is None
    assert not np.array_equal(images, IMAGES)
