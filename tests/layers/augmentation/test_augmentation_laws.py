"""What holds for every augmentation, in every regime."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import (
    augment,
    each_apart,
    each_case,
    each_chance,
    each_mix,
    each_still,
    of_all,
)
from cases import AUGMENTATION

from keras_trainkit._core import xla
from keras_trainkit.layers import RandomApply

RNG = np.random.default_rng(7)
IMAGES = RNG.uniform(0, 255, (5, 9, 8, 3)).astype("float32")
LEVELS = RNG.integers(0, 256, (5, 9, 8, 3)).astype("uint8")
CLASSES = np.array([999, 3, 3, 0, 256])
ONE_HOT = np.eye(10, dtype="float32")[[9, 3, 3, 0, 5]]
WEIGHTS = np.array([1, 2, 3, 4, 5], "float32")


def batch_for(case, images=IMAGES):
    return images, ONE_HOT if case.mixes else CLASSES, WEIGHTS


@each_case
def test_shape_range_and_dtype(case, layer_of, regime):
    images, _, _ = regime.kept(layer_of(case), batch_for(case))
    assert images.shape == IMAGES.shape
    assert images.dtype == np.float32
    if case.cls.__name__ != "Normalization":
        assert images.min() >= 0
        assert images.max() <= 255
    assert np.isfinite(images).all()


@each_chance
def test_the_key_decides(case, layer_of, regime):
    first, again, other = (
        run(layer_of(case), batch_for(case), seed)[0]
        for run, seed in ((regime.kept, 0), (regime, 0), (regime, 1))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, IMAGES)


@each_apart
def test_an_image_does_not_depend_on_its_neighbours(case, layer_of, regime):
    others = IMAGES.copy()
    others[[0, 1, 3, 4]] = 255 - others[[4, 3, 1, 0]]
    first, second = (regime.kept(layer_of(case), batch_for(case, x))[0] for x in (IMAGES, others))
    assert np.array_equal(first[2], second[2])
    assert not np.array_equal(first[1], second[1])


@each_apart
def test_labels_and_weights_are_left_alone(case, layer_of, regime):
    _, labels, weights = regime.kept(layer_of(case), batch_for(case))
    assert labels.dtype == CLASSES.dtype
    assert labels.tolist() == CLASSES.tolist()
    assert weights.tolist() == WEIGHTS.tolist()


@each_mix
def test_mixed_rows_still_sum_to_one(case, layer_of, regime):
    _, labels, weights = regime.kept(layer_of(case), batch_for(case))
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
    assert labels.min() >= 0
    assert not np.array_equal(labels, ONE_HOT)
    assert weights.min() >= 1
    assert weights.max() <= 5


@each_case
def test_the_regimes_agree(case, layer_of, regime, eager):
    assert_close(
        case,
        regime.kept(layer_of(case), batch_for(case)),
        eager.kept(layer_of(case), batch_for(case)),
    )


@each_case
def test_graph_functions_do_the_same_without_xla(case, layer_of, eager, monkeypatch):
    assert xla.xla_available()
    compiled = eager.kept(layer_of(case), batch_for(case))
    monkeypatch.setattr(xla, "xla_available", lambda: False)
    assert_close(case, eager(layer_of(case), batch_for(case)), compiled)


def assert_close(case, result, expected):
    """1e-3 of 255 in pixels, 1e-5 in what is drawn, and in whole-pixel moves every bit."""
    for ours, theirs in zip(result[1:], expected[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    if case.moves_whole_pixels:
        assert np.array_equal(result[0], expected[0])
    np.testing.assert_allclose(result[0], expected[0], atol=0.255)


SOME = [
    case for case in AUGMENTATION if case.cls.__name__ in ("CutMix", "RandomFlip", "RandomZoom")
]
UNKNOWN = [
    *((case, [None, None, None, 3]) for case in AUGMENTATION),
    *((case, [5, None, 8, 3]) for case in SOME),
    *((case, [None, 9, None, 3]) for case in SOME),
]


@pytest.mark.parametrize(("case", "shape"), UNKNOWN, ids=str)
def test_sizes_that_a_dataset_does_not_know(case, shape, layer_of, eager):
    spec = tf.TensorSpec(shape, tf.float32)
    dataset = tf.data.Dataset.from_generator(lambda: [IMAGES], output_signature=spec)
    _, *rest = batch_for(case)
    key = tf.constant([0, 1], tf.uint32)
    augmented = dataset.map(lambda images: augment(layer_of(case), (images, *rest), key))
    result = tf.nest.map_structure(np.asarray, augmented.get_single_element())
    assert_close(case, result, eager.kept(layer_of(case), batch_for(case)))


@each_case
def test_levels_are_the_values_rounded_once(case, layer_of, eager):
    levels = eager.kept(layer_of(case), batch_for(case, LEVELS))[0]
    values = eager.kept(layer_of(case), batch_for(case, LEVELS.astype("float32")))[0]
    assert levels.dtype == ("float32" if case.gives_float else "uint8")
    most = 0 if case.gives_float or case.moves_whole_pixels else 0.5 + 1e-3
    assert np.abs(values - levels).max() <= most


@pytest.mark.usefixtures("uncompiled")
@each_case
def test_the_dtype_stays_unless_floats_are_promised(case):
    expected = case.build(seed=3)(LEVELS.astype("float32"))
    for dtype, step in (("bfloat16", 1), ("float16", 0.125), ("float64", 1e-4), ("int32", 0.5)):
        result = case.build(seed=3)(tf.cast(LEVELS, dtype))
        assert result.dtype == ("float32" if case.gives_float else dtype)
        np.testing.assert_allclose(tf.cast(result, "float32"), expected, atol=step + 1e-3)


@pytest.mark.usefixtures("uncompiled")
@each_case
def test_the_policy_changes_nothing(case, request):
    request.addfinalizer(functools.partial(keras.config.set_dtype_policy, "float32"))
    expected = case.build(seed=3)(*batch_for(case, LEVELS))
    for policy in ("mixed_float16", "mixed_bfloat16", "bfloat16", "float64"):
        keras.config.set_dtype_policy(policy)
        result = case.build(seed=3)(*batch_for(case, LEVELS))
        for ours, theirs in zip(result, expected, strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)


@each_case
def test_nor_any_dtype_in_a_dataset(case, request, without_xla):
    request.addfinalizer(functools.partial(keras.config.set_dtype_policy, "float32"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    batch = tf.data.Dataset.from_tensors(batch_for(case, LEVELS))
    images, labels, weights = case.build().map(batch).element_spec
    assert images.dtype == ("float32" if case.gives_float else "uint8")
    assert labels.dtype == (ONE_HOT if case.mixes else CLASSES).dtype
    assert weights.dtype == "float32"


@pytest.mark.usefixtures("uncompiled")
@each_still
def test_a_probability_of_0_changes_nothing(case):
    if case.cls.__name__ == "Pipeline":
        layers = [
            type(layer).from_config({**layer.get_config(), "p": 0.0})
            for layer in case.arguments["layers"]
        ]
        layer = case.build(layers=layers)
    elif case.cls.__name__ == "RandomChoice":
        layer = case.build(layers=[RandomApply(case.arguments["layers"], p=0.0)], probabilities=[1])
    else:
        layer = case.build(p=0.0)
    images, labels, weights = layer(*batch_for(case), training=True)
    assert np.array_equal(images, IMAGES)
    assert np.array_equal(labels, ONE_HOT if case.mixes else CLASSES)
    assert np.array_equal(weights, WEIGHTS)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@each_still
def test_evaluation_changes_nothing(case, dtype):
    images = LEVELS.astype(dtype)
    result = case.build()(images, training=False)
    assert result.dtype == ("float32" if case.gives_float else dtype)
    assert np.array_equal(result, images)


@pytest.mark.usefixtures("uncompiled")
@each_chance
def test_seeds_of_direct_calls(case):
    layers = [case.build(seed=seed) for seed in (5, 5, 6)]
    first, again, other = (layer(*batch_for(case))[0] for layer in layers)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, layers[0](*batch_for(case))[0])


@pytest.mark.usefixtures("uncompiled")
@each_apart
def test_an_image_does_not_depend_on_the_size_of_the_batch(case):
    whole, part = (case.build(seed=5)(images) for images in (IMAGES, IMAGES[:2]))
    assert np.array_equal(whole[:2], part)
    alone = case.build(seed=5)(IMAGES[0])
    assert alone.shape == IMAGES.shape[1:]
    assert np.array_equal(alone, whole[0])


@of_all([case for case in AUGMENTATION if case.cls.__name__ == "Pipeline"])
def test_nor_in_the_kernels_of_xla(case, layer_of, eager):
    part = tuple(each[:2] for each in batch_for(case))
    whole = eager.kept(layer_of(case), batch_for(case))
    np.testing.assert_allclose(eager(layer_of(case), part)[0], whole[0][:2], atol=0.255)


@pytest.mark.usefixtures("uncompiled")
@each_case
def test_no_images_are_no_mistake(case):
    nothing = tuple(each[:0] for each in batch_for(case, LEVELS))
    images, labels, weights = case.build()(*nothing)
    assert images.shape == (0, 9, 8, 3)
    assert labels.shape == nothing[1].shape
    assert weights.shape == (0,)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@each_case
def test_the_numbers_of_channels(case, channels):
    images = RNG.integers(0, 256, (2, 9, 8, channels)).astype("uint8")
    if channels not in case.channels:
        with pytest.raises(ValueError, match=f"channels, .*{channels}|one a channel"):
            case.build()(images)
        return
    assert case.build()(images).shape == images.shape


WINDOWS = ("CenterCrop", "Pipeline", "RandomCrop")


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3)], ids=str)
@of_all([case for case in AUGMENTATION if case.cls.__name__ not in WINDOWS])
def test_images_of_hardly_any_size(case, size):
    images = RNG.uniform(0, 255, (3, *size, 3)).astype("float32")
    layer = case.build(seed=1)
    result = layer(images)
    assert result.shape == layer.compute_output_shape(images.shape)
    assert np.isfinite(result).all()
