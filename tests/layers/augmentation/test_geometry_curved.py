"""Perspective and lenses against SciPy, Keras and each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle
from scipy.spatial.transform import Rotation

from keras_trainkit import layers
from keras_trainkit._core.draws import key_from_integer
from keras_trainkit.layers.augmentation.algebra.resampling import FILL_MODES

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}
SIZE = (21, 26)
IMAGE = np.random.default_rng(3).uniform(0, 255, (*SIZE, 2)).astype("float32")
CORNERS = [f"{row}_{column}" for row in ("top", "bottom") for column in ("left", "right")]


def shifts(*pairs):
    """The parameters of a perspective, from four pairs (y, x) in shares of the image."""
    pairs = dict(zip(CORNERS, pairs, strict=True))
    return {
        f"{name}_{axis}": pair[i] for name, pair in pairs.items() for i, axis in enumerate("yx")
    }


SHIFTS = ((0.1, -0.05), (-0.1, -0.2), (-0.15, 0.1), (0.05, 0.08))


def homography(size, pairs):
    """The 3x3 matrix that moves the corners so, solved for as eight linear equations."""
    height, width = size
    corners = np.array([(a, b) for a in (0, 1) for b in (0, 1)], float)
    to = (corners + np.array(pairs)) * (height, width) - 0.5
    start = corners * (height, width) - 0.5
    rows, values = [], []
    for (y, x), place in zip(start, to, strict=True):
        for axis in (0, 1):
            own = [0.0] * 6
            own[3 * axis : 3 * axis + 3] = y, x, 1
            rows.append([*own, -place[axis] * y, -place[axis] * x])
            values.append(place[axis])
    return np.append(np.linalg.solve(rows, values), 1).reshape(3, 3)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_a_perspective_is_scipys(fill_mode, interpolation):
    layer = layers.RandomPerspective(
        scale=0.2, fill_mode=fill_mode, fill_value=50, interpolation=interpolation
    )
    result = with_parameters(layer, IMAGE[None], APPLIED | shifts(*SHIFTS))[0]
    back = np.linalg.inv(homography(SIZE, SHIFTS))

    def places(y, x):
        y, x, depth = np.einsum("ij,j...->i...", back, np.stack([y, x, np.ones_like(y)]))
        return y / depth, x / depth

    expected = oracle.read(IMAGE, places, fill_mode, 50, order=interpolation == "bilinear")
    np.testing.assert_allclose(result, expected, atol=0.1)


def test_a_perspective_is_kerass(photo):
    image = photo.astype("float32")
    layer = layers.RandomPerspective(scale=0.2, fill_mode="constant")
    result = with_parameters(layer, image[None], APPLIED | shifts(*SHIFTS))[0]
    corners = np.array([[a, b] for a in (0, 1) for b in (0, 1)], "float32")
    start, end = (
        (each * image.shape[:2] - 0.5)[:, ::-1].astype("float32")
        for each in (corners, corners + np.array(SHIFTS, "float32"))
    )
    theirs = keras.ops.image.perspective_transform(image, start, end, fill_value=0)
    np.testing.assert_allclose(result, theirs, atol=0.3)


def corner_areas(corners):
    """(n, 4): what the two sides at each corner of (n, 4, 2) span."""
    around = corners[:, [0, 1, 3, 2]]
    before, after = np.roll(around, 1, 1) - around, np.roll(around, -1, 1) - around
    return before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_corners_move_as_promised_and_pictures_never_fold(scale):
    n = 4000
    layer = layers.RandomPerspective(scale=scale)
    drawn = layer.plan().draw(key_from_integer(3), tf.range(n))[0]
    assert abs(drawn.pop("applied").numpy().mean() - 0.5) < 0.03
    maps = layer.element((30, 40), **drawn)
    run = layers.Pipeline([layers.RandomPerspective((1, 1), scale)]).plan().passes[0]
    corners = np.array([[y, x] for y in (-0.5, 29.5) for x in (-0.5, 39.5)], "float32")
    points = tf.tile(corners[None], [n, 1, 1])
    moved = run.move_points(points, (30, 40), ({"applied": tf.ones([n], tf.bool), **drawn},))
    shares = (moved.numpy() - corners) / (30, 40)
    assert np.isfinite(maps).all()
    drawn_shares = np.stack([drawn[f"{c}_{a}"] for c in CORNERS for a in "yx"], 1).reshape(n, 4, 2)
    assert np.abs(drawn_shares).max() <= scale / 2
    np.testing.assert_allclose(np.quantile(drawn_shares, [0, 0.5]), [-scale / 2, 0], atol=0.01)
    areas = corner_areas(corners / (30, 40) + shares)
    areas *= np.sign(corner_areas(corners[None] / (30, 40)))
    assert areas.min() > 0.2 - 1e-2
    whole = corner_areas(corners / (30, 40) + drawn_shares)
    whole *= np.sign(corner_areas(corners[None] / (30, 40)))
    free = whole.min(1) > 0.45
    np.testing.assert_allclose(shares[free], drawn_shares[free], atol=2e-3)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("k1", [-0.25, 0.3])
def test_a_lens_is_browns_formula(fill_mode, k1):
    # weak, so that a pixel is one sample
    layer = layers.RandomLensDistortion(0.1, fill_mode=fill_mode, fill_value=50)
    result = with_parameters(layer, IMAGE[None], APPLIED | {"k1": k1, "k2": 0.05})[0]

    def places(y, x):
        middle = (SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2
        square = ((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / ((21**2 + 26**2) / 4)
        factor = 1 + k1 * square + 0.05 * square**2
        return (y - middle[0]) * factor + middle[0], (x - middle[1]) * factor + middle[1]

    np.testing.assert_allclose(result, oracle.read(IMAGE, places, fill_mode, 50), atol=0.1)


def test_a_strong_lens_is_sampled_finely(photo):
    """Close to the mean over 8x8 places for each pixel, where it shrinks."""
    image = photo.astype("float32")
    layer = layers.RandomLensDistortion((0.6, 0.6), fill_mode="nearest")
    assert "2x2 samples" in str(layer.plan())
    middle = np.array([31.5, 47.5])

    def places(y, x):
        factor = 1 + 0.6 * ((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / (32**2 + 48**2)
        return (y - middle[0]) * factor + middle[0], (x - middle[1]) * factor + middle[1]

    def mean_over(count):
        offsets = (np.arange(count) + 0.5) / count - 0.5
        return np.mean(
            [
                oracle.read(image, lambda y, x, j=j, i=i: places(y + j, x + i), "nearest")
                for j in offsets
                for i in offsets
            ],
            axis=0,
        )

    fine, bare = mean_over(8), mean_over(1)
    assert oracle.psnr(layer(image), fine) > oracle.psnr(bare, fine) + 1


def test_a_barrel_pulls_the_corners_in():
    white = np.full((1, 20, 20, 1), 255, "uint8")
    barrel = layers.RandomLensDistortion((0.4, 0.4), fill_mode="constant")(white)[0, ..., 0]
    pincushion = layers.RandomLensDistortion((-0.2, -0.2), fill_mode="constant")(white)
    assert barrel[0, 0] == 0
    assert barrel[10, 10] == barrel[2, 10] == 255
    assert np.all(pincushion == 255)


CHAIN = {
    "perspective": [layers.RandomPerspective((1, 1), 0.4)],
    "lens": [layers.RandomLensDistortion((-0.25, 0.4), 0.02)],
    "all": [
        layers.RandomResizedCrop(44, 56, scale=(0.6, 1)),
        layers.RandomLensDistortion(0.2),
        layers.RandomFlip(),
        layers.RandomRotation(0.1, p=0.7),
        layers.RandomPerspective((1, 1), 0.3, p=0.7),
        layers.RandomLensDistortion(0.1, p=0.5),
        layers.CenterCrop(40, 50),
    ],
}


@pytest.mark.parametrize("members", CHAIN.values(), ids=CHAIN)
def test_spots_and_masks_go_where_points_go(members):
    n, height, width = 16, 48, 64
    points = np.random.default_rng(0).uniform((16, 20), (32, 44), (n, 1, 2))
    y, x = np.mgrid[:height, :width]
    distance = (y - points[..., :1]) ** 2 + (x - points[..., 1:]) ** 2
    images = (255 * np.exp(-distance / 8))[..., None].astype("float32")
    pipeline = layers.Pipeline(members, fill_mode="constant")
    plan = pipeline.plan()
    (run,) = plan.passes
    drawn = plan.draw(key_from_integer(1), tf.range(n))
    moved = run.move_points(tf.constant(points, tf.float32), (height, width), drawn).numpy()
    seen = 0
    for image, (place,) in zip(run(tf.constant(images), drawn).numpy(), moved, strict=True):
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        if not all(9 <= at < side - 9 for at, side in zip(place, image.shape, strict=False)):
            continue
        seen += 1
        weight = image[..., 0] / image.sum()
        centroid = (weight * rows).sum(), (weight * columns).sum()
        np.testing.assert_allclose(place, centroid, atol=0.3)
    assert seen > 5
    ids = np.random.default_rng(0).choice([3, 200], (n, height, width, 1)).astype("uint8")
    assert set(np.unique(run.move_masks(tf.constant(ids), drawn))) <= {0, 3, 200}


@pytest.mark.parametrize("members", CHAIN.values(), ids=CHAIN)
def test_points_there_and_back(members):
    plan = layers.Pipeline(members).plan()
    (run,) = plan.passes
    drawn = plan.draw(key_from_integer(2), tf.range(50))
    chain = run._chain((48, 64), 50, drawn)
    points = np.random.default_rng(0).uniform((-10, -10), (58, 74), (50, 7, 2)).astype("float32")
    places = chain.unfollow(*(tf.constant(points[..., i]) for i in (0, 1)))
    np.testing.assert_allclose(np.stack(chain.follow(*places), -1), points, atol=5e-2)


def test_a_chain_is_one_resampling_and_neighbouring_maps_one_map():
    pipeline = layers.Pipeline(CHAIN["all"])
    assert len(pipeline.plan().passes) == 1
    (run,) = pipeline.plan().passes
    chain = run._chain((48, 64), 2, pipeline.plan().draw(key_from_integer(2), tf.range(2)))
    assert len(chain.links) == 5  # crop, lens, three maps, lens, crop


def test_beyond_the_corners_nothing_folds():
    """What a translation brought in is still in its order, and not mirrored by the formula."""
    column = np.arange(400.0, dtype="float32")[None, :, None].repeat(3, 0)
    pipeline = layers.Pipeline(
        [layers.RandomTranslation(0, (-0.9, -0.9)), layers.RandomLensDistortion((-0.32, -0.32))],
        fill_mode="nearest",
    )
    assert (np.diff(pipeline(column)[1, :, 0]) >= 0).all()


def test_perspective_composes_with_rotation_as_matrices():
    size = (20, 20)
    turned = oracle.rotation(size, 0.1)
    np.testing.assert_allclose(
        turned[:2, :2], Rotation.from_rotvec([0, 0, 0.2 * np.pi]).as_matrix()[:2, :2], atol=1e-9
    )
    pipeline = layers.Pipeline([layers.RandomRotation(0.5), layers.RandomPerspective(scale=0.2)])
    image = np.random.default_rng(0).uniform(0, 255, (1, *size, 1)).astype("float32")
    result = with_parameters(pipeline, image, APPLIED | {"angle": 0.1}, APPLIED | shifts(*SHIFTS))[
        0
    ]
    back = np.linalg.inv(homography(size, SHIFTS) @ turned)

    def places(y, x):
        y, x, depth = np.einsum("ij,j...->i...", back, np.stack([y, x, np.ones_like(y)]))
        return y / depth, x / depth

    np.testing.assert_allclose(result, oracle.read(image[0], places, "reflect"), atol=0.1)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: layers.RandomPerspective(1.2), "`factor` must be a finite number at least 0"),
        (lambda: layers.RandomPerspective((0.5, 2)), "`factor` must lie between 0 and 1"),
        (lambda: layers.RandomPerspective(scale=2), "`scale` must be a finite number"),
        (lambda: layers.RandomLensDistortion(0.4), "`k1 and k2` must not fold the image"),
        (lambda: layers.RandomLensDistortion((0.5, 0.5), (-0.6, 0)), "must not fold the image"),
        (lambda: layers.RandomLensDistortion((-0.9, -0.9), (0.36, 0.36)), "must not fold"),
    ],
)
def test_refusals(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
