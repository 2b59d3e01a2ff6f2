"""Segmentation masks: class ids that go where their image's pixels go."""

import cases
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import augment, of_all

from keras_trainkit import layers

IDS = (0, 3, 7, 255)
KEY = tf.constant([5, 1], tf.uint32)
masked = [case for case in cases.AUGMENTATION if case.cls not in (layers.AugMix, layers.MixUp)]


def masks_of(shape, dtype="uint8", seed=0):
    """Class ids in blocks, so that few pixels lie at a border between two."""
    rows, height, width = shape
    coarse = np.random.default_rng(seed).choice(IDS, (rows, -(-height // 4), -(-width // 4)))
    return coarse.repeat(4, 1).repeat(4, 2)[:, :height, :width].astype(dtype)


def images_of(shape, channels=3, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (*shape, channels)).astype("uint8")


def data_of(images, masks, **more):
    return {"images": tf.constant(images), "segmentation_masks": tf.constant(masks), **more}


@pytest.mark.usefixtures("uncompiled")
@of_all(masked)
def test_ids_rank_and_dtype_are_kept(case):
    layer = case.build()
    images = images_of((2, 16, 18))
    first = None
    for dtype, channels in (("int64", 0), ("float32", 2)):
        masks = masks_of((2, 16, 18), dtype)
        masks = np.repeat(masks[..., None], channels, -1) if channels else masks
        result = augment(layer, data_of(images, masks), KEY)
        moved = result["segmentation_masks"].numpy()
        assert moved.dtype == dtype
        assert moved.shape == result["images"].shape[:3] + masks.shape[3:]
        assert set(np.unique(moved)) <= {*IDS, getattr(layer, "mask_fill", None)}
        flat = moved if not channels else moved[..., 0]
        assert np.all(moved == (flat[..., None] if channels else flat))
        first = flat if first is None else first
        assert np.array_equal(flat, first)
        still = layer(data_of(images, masks), training=False)
        assert still["segmentation_masks"].dtype == dtype
        assert still["segmentation_masks"].shape[1:3] == still["images"].shape[1:3]
        if not case.certain and still["images"].shape == images.shape:
            assert np.array_equal(still["segmentation_masks"], masks)


MOVERS = [
    layers.RandomCrop(40, 50, padding=3),
    layers.RandomFlip(),
    layers.RandomRotation(0.2, p=0.7),
    layers.RandomContrast(0.0),
    layers.RandomResizedCrop(36, 36),
    layers.RandomTranslation(0.2, 0.2),
]


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
def test_a_mask_goes_where_its_image_goes(fill_mode):
    masks = masks_of((5, 48, 64))
    images = np.repeat(masks[..., None], 3, -1).astype("float32")
    pipeline = layers.Pipeline(MOVERS, interpolation="nearest", fill_mode=fill_mode)
    result = augment(pipeline, data_of(images, masks), KEY)
    assert len(np.unique(result["segmentation_masks"])) > 2
    assert np.array_equal(result["segmentation_masks"], result["images"][..., 0])


@pytest.mark.usefixtures("uncompiled")
def test_a_mask_of_one_image_keeps_its_rank():
    image, mask = images_of((1, 9, 8))[0], masks_of((1, 9, 8), "int32")[0]
    flip = layers.RandomFlip("horizontal", p=1.0)
    result = flip(data_of(image, mask))
    assert np.array_equal(result["images"], image[:, ::-1])
    assert np.array_equal(result["segmentation_masks"], mask[:, ::-1])
    result = flip(data_of(image, mask[..., None]))
    assert np.array_equal(result["segmentation_masks"], mask[:, ::-1, None])


@pytest.mark.usefixtures("uncompiled")
def test_colours_leave_masks_alone():
    masks = masks_of((3, 9, 8))
    members = [layers.RandomBrightness(0.5), layers.Normalization(3.0, 4.0)]
    result = layers.Pipeline(members)(data_of(images_of((3, 9, 8)), masks))
    assert np.array_equal(result["segmentation_masks"], masks)


@pytest.mark.usefixtures("uncompiled")
def test_cutmix_pastes_the_partners_mask():
    # each image and each mask has one number of its own
    numbers = np.arange(1, 21).astype("float32")
    images = np.broadcast_to(numbers[:, None, None, None], (20, 12, 16, 3))
    masks = np.broadcast_to(numbers[:, None, None], (20, 12, 16)).astype("int32")
    layer = layers.CutMix(num_classes=3, p=0.8)
    result = augment(layer, data_of(images, masks), KEY)
    assert np.array_equal(result["segmentation_masks"], result["images"][..., 0])
    assert np.any(result["segmentation_masks"] != masks)
    assert result["segmentation_masks"].dtype == "int32"


@pytest.mark.usefixtures("uncompiled")
def test_masks_that_are_refused():
    images = images_of((2, 9, 8))
    for masks, rule in (
        (np.zeros((2, 8, 9), "uint8"), r"have the height and the width of their images, \(9, 8\)"),
        (np.zeros((3, 9, 8), "uint8"), "have the height and the width"),
        (np.zeros((9, 8), "uint8"), "have the height and the width"),
        (np.zeros((2, 9, 8), bool), "be class ids, integer or floating, got 'bool'"),
        (tf.ragged.constant([[[1]], [[2], [3]]]), "be ragged where their images are"),
    ):
        data = {"images": tf.constant(images), "segmentation_masks": masks}
        data["segmentation_masks"] = masks if tf.is_tensor(masks) else tf.constant(masks)
        with pytest.raises(ValueError, match=f"`RandomFlip`: `segmentation_masks` must {rule}"):
            layers.RandomFlip()(data)
    pipeline = layers.Pipeline([layers.RandomFlip(), layers.MixUp(num_classes=3)])
    for training in (True, False):
        with pytest.raises(ValueError, match="`MixUp`: `inputs` must have no segmentation masks"):
            pipeline(data_of(images, masks_of((2, 9, 8))), training=training)
    mixed = layers.AugMix(num_chains=1, chain_depth=1)
    with pytest.raises(ValueError, match="`AugMix`: `inputs` must hold no masks or boxes"):
        mixed(data_of(images, masks_of((2, 9, 8))))


def test_sizes_that_are_known_only_when_it_runs(without_xla):
    spec = {
        "images": tf.TensorSpec([None, None, 3], tf.uint8),
        "segmentation_masks": tf.TensorSpec([None, None], tf.uint8),
    }

    def dataset(*sizes):
        elements = [
            {"images": images_of((1, 12, 13))[0], "segmentation_masks": masks_of((1, *size))[0]}
            for size in sizes
        ]
        return tf.data.Dataset.from_generator(lambda: elements, output_signature=spec)

    crop = layers.RandomCrop(9, 8)
    (result,) = crop.map(dataset((12, 13)), seed=0)
    assert result["segmentation_masks"].shape == (9, 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the size of their images"):
        list(crop.map(dataset((13, 12)), seed=0))
