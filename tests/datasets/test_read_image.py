import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_trainkit.datasets.read_image import read_image


def photo(height=48, width=64, seed=0):
    """Smooth colours with some noise."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (6, 8, 3))
    smooth = tf.image.resize(coarse, (height, width), method="bicubic").numpy()
    return np.clip(smooth + generator.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def saved(folder, image, name="image.png", **options):
    file = folder / name
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, **options)
    return file


def resized(pixels, height, width):
    """TensorFlow's triangle filter, as wide as the shrink."""
    values = tf.image.resize(pixels.astype(np.float32), (height, width), antialias=True)
    return values.numpy()


@pytest.mark.parametrize("size", [6, 12, 24, 48, 90])
def test_the_short_side_is_resized_and_the_centre_kept(tmp_path, size):
    pixels = photo(48, 64)
    image = read_image(saved(tmp_path, pixels), size)
    assert image.dtype == np.uint8
    assert image.shape == (size, size, 3)
    margin = size // 6
    expected = resized(pixels, size, size * 4 // 3)[:, margin : margin + size]
    np.testing.assert_allclose(image, expected, atol=1.01)


def test_a_tall_image_keeps_its_centre_too(tmp_path):
    pixels = photo(100, 40)
    image = read_image(saved(tmp_path, pixels), 20)
    np.testing.assert_allclose(image, resized(pixels, 50, 20)[15:35], atol=1.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (333, 7), (31, 33)])
def test_any_shape_becomes_a_square(tmp_path, shape):
    assert read_image(saved(tmp_path, photo(*shape)), 32).shape == (32, 32, 3)


def test_an_image_of_the_right_size_is_left_alone(tmp_path):
    pixels = photo(32, 32)
    np.testing.assert_array_equal(read_image(saved(tmp_path, pixels), 32), pixels)


@pytest.mark.parametrize("side", [130, 1200])
def test_a_jpeg_decoded_at_a_fraction_is_as_sharp_as_a_png(tmp_path, side):
    pixels = photo(side, side)
    image = read_image(saved(tmp_path, pixels, "image.jpg", quality=95, subsampling=0), 32)
    np.testing.assert_allclose(image, resized(pixels, 32, 32), atol=4)


def test_grey_is_the_same_in_every_channel(tmp_path):
    grey = photo()[..., 0]
    image = read_image(saved(tmp_path, grey), 48)
    np.testing.assert_array_equal(image, np.repeat(grey[:, 8:56, None], 3, axis=-1))


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = read_image(saved(tmp_path, levels), 256)
    np.testing.assert_allclose(image[..., 0], levels / 257, atol=0.501)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert image.max() == 255


def test_transparency_shows_white(tmp_path):
    pixels = np.dstack([photo(32, 32), np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))])
    image = read_image(saved(tmp_path, pixels), 32)
    opacity = pixels[..., 3:] / 255
    expected = pixels[..., :3] * opacity + 255 * (1 - opacity)
    np.testing.assert_allclose(image, expected, atol=1.01)


@pytest.mark.parametrize("name", ["palette.png", "palette.gif"])
def test_a_palettes_transparent_entry_shows_white(tmp_path, name):
    indices = np.zeros((32, 32), np.uint8)
    indices[:16] = 1
    image = Image.fromarray(indices)
    image.putpalette([10, 20, 30, 200, 100, 50])
    pixels = read_image(saved(tmp_path, image, name, transparency=0), 32)
    assert pixels[0, 0].tolist() == [200, 100, 50]
    assert pixels[31, 31].tolist() == [255, 255, 255]


def test_grey_with_transparency_and_colour_with_a_transparent_value(tmp_path):
    grey = np.stack([np.full((8, 8), 60), np.full((8, 8), 0)], axis=-1).astype(np.uint8)
    assert np.all(read_image(saved(tmp_path, Image.fromarray(grey, "LA")), 8) == 255)
    colour = np.full((8, 8, 3), 60, np.uint8)
    keyed = saved(tmp_path, colour, "keyed.png", transparency=(60, 60, 60))
    assert np.all(read_image(keyed, 8) == 255)


@pytest.mark.parametrize("mode", ["1", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path, mode):
    image = Image.fromarray(np.full((16, 16, 3), 255, np.uint8)).convert(mode)
    pixels = read_image(saved(tmp_path, image, "image.tif"), 16)
    np.testing.assert_allclose(pixels, 255, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_cameras_rotation_is_undone(tmp_path, orientation):
    upright = photo(32, 32)
    # what the camera stored, for each way of holding it (EXIF 2.3, tag 274)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    file = saved(tmp_path, np.ascontiguousarray(stored), exif=exif)
    np.testing.assert_array_equal(read_image(file, 32), upright)


def test_an_animation_gives_its_first_frame(tmp_path):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    file = saved(tmp_path, first, "image.gif", save_all=True, append_images=[second])
    assert read_image(file, 16)[0, 0].tolist() == [255, 0, 0]


def test_what_cannot_be_read_is_named(tmp_path):
    whole = saved(tmp_path, photo(300, 300)).read_bytes()
    floats = saved(tmp_path, Image.fromarray(np.ones((8, 8), np.float32)), "floats.tif")
    contents = {"empty.png": b"", "text.jpg": b"no image", "half.png": whole[: len(whole) // 2]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for file in (*(tmp_path / name for name in contents), floats, tmp_path / "missing.png"):
        with pytest.raises(ValueError, match=f"`image_folder`: cannot read '.*{file.name}' "):
            read_image(file, 8)


def test_a_missing_pillow_is_not_a_broken_image(tmp_path, monkeypatch):
    from keras_trainkit._core.lazy import LazyModule

    file = saved(tmp_path, photo())
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    module = sys.modules["keras_trainkit.datasets.read_image"]
    monkeypatch.setattr(module, "Image", LazyModule("PIL.Image", "demo"))
    with pytest.raises(ModuleNotFoundError, match=r"needs PIL.*keras_trainkit\[demo\]"):
        read_image(file, 8)
