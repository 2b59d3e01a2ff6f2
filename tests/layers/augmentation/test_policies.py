"""Policies: each operation is Pillow's, they keep their order, and masks and points follow."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import with_parameters
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.policies.published import POLICIES
from keras_trainkit.layers.augmentation.runs.policies import OPERATIONS

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}


class Steps(Policy):
    """The steps that it is given, in place of chance."""

    def __init__(self, *steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = [(OPERATIONS.index(name), amount) for name, amount in steps]

    def sample(self, draw):
        return {}

    def element(self, size, **_):
        return tf.constant([self.steps], tf.float32)


def carried_out(image, *steps, **settings):
    """One image after the steps."""
    return with_parameters(Steps(*steps, **settings), image[None], APPLIED)[0]


def affine(image, *entries, by=Image.Resampling.BILINEAR):
    return image.transform(image.size, Image.Transform.AFFINE, entries, by)


MOVES = {
    "ShearX": lambda image, amount: affine(image, 1, amount, 0, 0, 1, 0),
    "ShearY": lambda image, amount: affine(image, 1, 0, 0, amount, 1, 0),
    "TranslateX": lambda image, amount: affine(image, 1, 0, amount, 0, 1, 0),
    "TranslateY": lambda image, amount: affine(image, 1, 0, 0, 0, 1, amount),
    "Rotate": lambda image, amount: image.rotate(amount, Image.Resampling.BILINEAR),
}
COLORS = {
    "Color": lambda image, amount: ImageEnhance.Color(image).enhance(amount),
    "Sharpness": lambda image, amount: ImageEnhance.Sharpness(image).enhance(amount),
    "Brightness": lambda image, amount: ImageEnhance.Brightness(image).enhance(amount),
    "Contrast": lambda image, amount: ImageEnhance.Contrast(image).enhance(amount),
    "Invert": lambda image, _: ImageOps.invert(image),
    "Posterize": ImageOps.posterize,
    "Solarize": ImageOps.solarize,
    "AutoContrast": lambda image, _: ImageOps.autocontrast(image),
    "Equalize": lambda image, _: ImageOps.equalize(image),
}
FACTORS = (0.01, 0.1, 0.73, 1.0, 1.27, 1.9)
AMOUNTS = {
    "ShearX": (0.3, -0.21, 0.99),
    "ShearY": (0.3, -0.1),
    "TranslateX": (10, -7.5),
    "TranslateY": (-4, 3.3),
    "Rotate": (30, -12.5, 135),
    **dict.fromkeys(("Color", "Sharpness", "Brightness", "Contrast"), FACTORS),
    "Posterize": (1, 4, 7, 8),
    "Solarize": (0, 113.3, 128, 255, 256),
}
EACH_COLOR = [(name, amount) for name in COLORS for amount in AMOUNTS.get(name, (0,))]
EACH_MOVE = [(name, amount) for name in MOVES for amount in AMOUNTS[name]]


def by_pillow(functions, image, name, amount):
    picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    return np.asarray(functions[name](picture, amount)).reshape(image.shape)


def test_all_operations_are_tested():
    assert set(OPERATIONS) == {"Identity", *MOVES, *COLORS}


@pytest.mark.parametrize(("name", "amount"), EACH_COLOR)
def test_colors_are_those_of_pillow(name, amount, photo):
    pale = (photo // 3 + 90).astype("uint8")
    plain = np.full((5, 4, 3), (9, 90, 200), "uint8")
    for image in (photo, pale, photo[..., :1], plain, photo[:2, :40], photo[:50, :1]):
        if name == "Color" and image.shape[2] == 1:
            continue
        result = carried_out(image, (name, amount)).astype(int)
        difference = np.abs(result - by_pillow(COLORS, image, name, amount))
        # they differ where a product that is whole in theory comes out just below in one of them
        assert difference.max() <= 1
        assert difference.mean() < 1e-3


@pytest.mark.parametrize(("name", "amount"), EACH_MOVE)
def test_moves_are_those_of_pillow_inside_the_border(name, amount, photo):
    result = carried_out(photo, (name, amount), fill_mode="constant").astype(int)
    inside = carried_out(np.full_like(photo, 255), (name, amount), fill_mode="constant") == 255
    assert inside.mean() > 0.25
    difference = np.abs(result - by_pillow(MOVES, photo, name, amount))
    assert difference[inside].max() <= 1


def matrix_of(name, amount, size):
    """Where the output's (y, x, 1) comes from, from Pillow's manual; its corner is (-0.5, -0.5)."""
    height, width = size
    turn = np.deg2rad(amount)
    x, y = {
        "ShearX": ((1, amount, 0), (0, 1, 0)),
        "ShearY": ((1, 0, 0), (amount, 1, 0)),
        "TranslateX": ((1, 0, amount), (0, 1, 0)),
        "TranslateY": ((1, 0, 0), (0, 1, amount)),
        "Rotate": ((np.cos(turn), -np.sin(turn), 0), (np.sin(turn), np.cos(turn), 0)),
    }[name]
    corner_to_pixel = np.array([[0, 1, -0.5], [1, 0, -0.5], [0, 0, 1]])
    middle = np.eye(3)
    if name == "Rotate":
        middle[:2, 2] = width / 2, height / 2
    inner = middle @ np.array([x, y, (0, 0, 1)]) @ np.linalg.inv(middle)
    return corner_to_pixel @ inner @ np.linalg.inv(corner_to_pixel)


@pytest.mark.parametrize("fill_mode", ["constant", "reflect"])
@pytest.mark.parametrize(("name", "amount"), EACH_MOVE)
def test_moves_are_bilinear_everywhere(name, amount, fill_mode, photo):
    result = carried_out(photo, (name, amount), fill_mode=fill_mode, fill_value=77)
    mode = {"constant": "grid-constant", "reflect": "reflect"}[fill_mode]
    expected = [
        ndimage.affine_transform(
            photo[..., channel].astype(float),
            matrix_of(name, amount, photo.shape[:2]),
            order=1,
            mode=mode,
            cval=77,
        )
        for channel in range(3)
    ]
    np.testing.assert_allclose(result, np.stack(expected, -1), atol=0.5 + 1e-2)


def test_nearest_neighbours(photo):
    result = carried_out(
        photo, ("ShearX", 0.3), fill_mode="constant", interpolation="nearest", fill_value=0
    )
    expected = affine(Image.fromarray(photo), 1, 0.3, 0, 0, 1, 0, by=Image.Resampling.NEAREST)
    assert (result != expected).mean() < 0.01


CHAINS = [
    [("Solarize", 113), ("Rotate", 20), ("Equalize", 0), ("Contrast", 1.9)],
    [("Contrast", 0.3), ("AutoContrast", 0), ("Sharpness", 1.9), ("ShearX", -0.2)],
    [("Brightness", 1.9), ("Brightness", 0.5), ("Posterize", 3), ("Color", 0.2)],
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0][0])
def test_the_order_is_exact(chain, photo):
    expected = photo
    for step in chain:
        expected = carried_out(expected, step)
    assert np.array_equal(carried_out(photo, *chain), expected)
    assert not np.array_equal(carried_out(photo, *reversed(chain)), expected)


def test_a_pipeline_does_one_policy_after_the_other(photo):
    first, *rest = CHAINS[0]
    policies = layers.Pipeline([Steps(first), Steps(*rest)])
    result = with_parameters(policies, photo[None], APPLIED, APPLIED)[0]
    assert np.array_equal(result, carried_out(photo, *CHAINS[0]))
    assert str(policies.plan()).count("policy, image by image: Steps") == 2


@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (0, 255)], ids=str)
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0][0])
def test_floats_are_their_levels(chain, value_range, photo):
    low, high = value_range
    rng = np.random.default_rng(0)
    near = photo + rng.uniform(-0.4, 0.4, photo.shape)  # each nearest to its own level
    images = (low + near.clip(0, 255) / 255 * (high - low)).astype("float32")
    settings = {"value_range": value_range, "fill_mode": "constant"}
    result = carried_out(images, *chain, fill_value=high, **settings)
    assert result.dtype == np.float32
    levels = carried_out(photo, *chain, fill_value=255, fill_mode="constant")
    np.testing.assert_allclose(result, low + levels / 255 * (high - low), atol=1e-5 * high)


def test_what_no_operation_touches_keeps_every_bit():
    images = np.random.default_rng(1).uniform(0, 255, (4, 6, 5, 3)).astype("float64")
    nothing = {"operation": 0, "sign": 1.0}
    drawn = APPLIED | {"slot_0": nothing, "slot_1": nothing}
    assert np.array_equal(with_parameters(layers.RandAugment(), images, drawn), images)
    acts = {"acts": False, "sign": 1.0}
    drawn = APPLIED | {"sub_policy": 3, "slot_0": acts, "slot_1": acts}
    assert np.array_equal(with_parameters(layers.AutoAugment(), images, drawn), images)


def test_masks_follow_the_moves_and_nothing_else():
    ids = np.array([0, 3, 255, 40000], "int32")
    masks = np.random.default_rng(2).choice(ids, (1, 20, 30, 1))
    steps = [("TranslateX", 4), ("Solarize", 0), ("TranslateY", -3), ("Equalize", 0)]
    (run,) = Steps(*steps, fill_mode="constant").plan().passes
    moved = run.move_masks(tf.constant(masks), [{"applied": tf.constant([True])}]).numpy()
    expected = np.zeros_like(masks)
    expected[:, 3:, :-4] = masks[:, :-3, 4:]
    assert moved.dtype == masks.dtype
    assert np.array_equal(moved, expected)
    still = run.move_masks(tf.constant(masks), [{"applied": tf.constant([False])}])
    assert np.array_equal(still, masks)
    turned = Steps(("Rotate", 33), ("ShearY", 0.4)).plan().passes[0]
    moved = turned.move_masks(tf.constant(masks), [{"applied": tf.constant([True])}]).numpy()
    assert set(np.unique(moved)) <= set(ids)
    total = matrix_of("Rotate", 33, (20, 30)) @ matrix_of("ShearY", 0.4, (20, 30))
    expected = ndimage.affine_transform(masks[0, ..., 0], total, order=0, mode="reflect")
    assert (moved[0, ..., 0] != expected).mean() < 0.01


def test_points_follow_the_moves():
    size, steps = (20, 30), [("Rotate", 33), ("Invert", 0), ("ShearX", 0.4), ("TranslateY", 3.5)]
    (run,) = Steps(*steps).plan().passes
    points = np.random.default_rng(3).uniform(0, 20, (1, 5, 2)).astype("float32")
    moved = run.move_points(tf.constant(points), size, [{"applied": tf.constant([True])}])
    places = np.concatenate([moved[0], np.ones((5, 1))], axis=1).T
    for name, amount in reversed([step for step in steps if step[0] in MOVES]):
        places = matrix_of(name, amount, size) @ places
    np.testing.assert_allclose(places[:2].T, points[0], atol=1e-3)


def test_augmix_is_its_formula(photo):
    def slot(operation, magnitude, sign=1.0):
        return {"operation": operation, "magnitude": magnitude, "sign": sign}

    # of the nine operations Rotate has the number 3, Solarize 4 and TranslateY 8
    drawn = APPLIED | {
        "share": 0.3,
        "chain_0": {"share": 0.6, "length": 2, "slot_0": slot(3, 0.5), "slot_1": slot(4, 0.25)},
        "chain_1": {
            "share": 0.4,
            "length": 1,
            "slot_0": slot(8, 0.3, -1.0),
            "slot_1": slot(1, 0.1),
        },
    }
    layer = layers.AugMix(num_chains=2, chain_depth=2, factor=0.5)
    chains = [[("Rotate", 15), ("Solarize", 192)], [("TranslateY", -64 * 0.1)]]
    first, second = (carried_out(photo, *chain).astype(float) for chain in chains)
    expected = 0.3 * photo + 0.7 * (0.6 * first + 0.4 * second)
    values = with_parameters(layer, photo[None].astype("float32"), drawn)[0]
    np.testing.assert_allclose(values, expected, atol=1e-3)
    levels = with_parameters(layer, photo[None], drawn)[0]
    np.testing.assert_allclose(levels, expected, atol=0.5 + 1e-3)


def test_masks_and_boxes_in_a_dictionary(photo):
    policy = layers.Pipeline(
        [layers.RandAugment(magnitude=30), layers.TrivialAugment()],
        bounding_box_format="xyxy",
        fill_mode="constant",
    )
    boxes = {"boxes": np.array([[[5.0, 7, 50, 60]]] * 8, "float32"), "labels": np.full((8, 1), 3)}
    element = {
        "images": np.stack([photo] * 8),
        "segmentation_masks": np.full((8, 64, 96), 7),
        "bounding_boxes": boxes,
    }
    result = policy(element)
    assert set(np.unique(result["segmentation_masks"])) == {0, 7}
    moved = result["bounding_boxes"]["boxes"].numpy()
    assert (np.abs(moved - boxes["boxes"]) > 1).any()


@pytest.mark.parametrize("what", ["segmentation_masks", "bounding_boxes"])
def test_nothing_can_follow_a_mixture(what, photo):
    boxes = {"boxes": np.zeros((1, 1, 4), "float32"), "labels": np.zeros((1, 1))}
    given = {"segmentation_masks": photo[None, ..., :1], "bounding_boxes": boxes}[what]
    layer = layers.AugMix(bounding_box_format="xyxy")
    with pytest.raises(ValueError, match="`AugMix`: `inputs` must hold no masks or boxes"):
        layer({"images": photo[None], what: given})


@pytest.mark.parametrize("cls", [layers.TrivialAugment, layers.AugMix])
def test_levels_need_their_range(cls, photo):
    with pytest.raises(ValueError, match="`value_range` must fit images of uint8"):
        cls(value_range=(0, 1))(photo)


@pytest.mark.parametrize("name", ["cifar10", "imagenet", "svhn"])
def test_the_published_policies(name):
    assert len(POLICIES[name]) == 25
    for steps in POLICIES[name]:
        assert len(steps) == 2
        for operation, probability, level in steps:
            assert operation in OPERATIONS[1:]
            assert 0 <= probability <= 1
            assert round(probability * 10) == pytest.approx(probability * 10)
            if operation in ("AutoContrast", "Equalize", "Invert"):
                assert level is None
            else:
                assert level in range(10)


def test_a_policy_of_ones_own(photo):
    layer = layers.AutoAugment([[("Rotate", 1, 9), ("Invert", 1.0, None)], [("Posterize", 1, 9)]])
    assert layer.policy[1] == (("Posterize", 1.0, 9),)
    acts = {"acts": True, "sign": 1.0}
    drawn = APPLIED | {"slot_0": acts, "slot_1": acts}
    first, second = (
        with_parameters(layer, photo[None], drawn | {"sub_policy": row})[0] for row in (0, 1)
    )
    assert np.array_equal(first, carried_out(photo, ("Rotate", 30), ("Invert", 0)))
    assert np.array_equal(second, carried_out(photo, ("Posterize", 4)))
    again = layers.AutoAugment.from_config(layer.get_config())
    assert again.policy == layer.policy
