"""Augmentation in slow, obvious NumPy and SciPy, float64 throughout."""

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial.transform import Rotation

LUMA = np.array([0.299, 0.587, 0.114])

# What SciPy and NumPy call the kit's fill modes.
SCIPY_MODES = {
    "constant": "grid-constant",
    "nearest": "nearest",
    "reflect": "reflect",
    "wrap": "grid-wrap",
}
NUMPY_MODES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "wrap": "wrap"}


def threefry2x32(key, counter):
    """Salmon et al. 2011, section 3.3, on Python integers."""
    mask = 2**32 - 1
    schedule = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    x0, x1 = (counter[0] + key[0]) & mask, (counter[1] + key[1]) & mask
    rotations = [13, 15, 26, 6, 17, 29, 16, 24]
    for round_ in range(20):
        x0 = (x0 + x1) & mask
        turn = rotations[round_ % 8]
        x1 = ((x1 << turn) | (x1 >> (32 - turn))) & mask
        x1 ^= x0
        if round_ % 4 == 3:
            step = round_ // 4 + 1
            x0 = (x0 + schedule[step % 3]) & mask
            x1 = (x1 + schedule[(step + 1) % 3] + step) & mask
    return x0, x1


# Geometry: 3x3 matrices on columns (y, x, 1), which carry a point of the input to its place in
# the result; the kit's maps go the other way.


def about_centre(size, linear):
    """The linear map of offsets from the centre of the image."""
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - np.asarray(linear) @ centre
    return matrix


def rotation(size, turns):
    """Counter-clockwise as one sees it: what was on the right goes up."""
    angle = 2 * np.pi * turns
    return about_centre(size, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def shear(size, y, x):
    """The input is read `x` pixels further right for each pixel down, `y` down for each right."""
    return np.linalg.inv(about_centre(size, [[1, y], [x, 1]]))


def zoom(size, height, width):
    """`height` and `width` times as much of the image is seen."""
    return about_centre(size, [[1 / height, 0], [0, 1 / width]])


def translation(size, height, width):
    """Down by a share of the height, right by a share of the width."""
    matrix = np.eye(3)
    matrix[:2, 2] = height * size[0], width * size[1]
    return matrix


def warp(image, forward, fill_mode, fill_value=0.0, order=1, size=None):
    """Reads the image (h, w, c) where the inverse of `forward` says."""
    back = np.linalg.inv(forward)

    def places(y, x):
        return [back[i, 0] * y + back[i, 1] * x + back[i, 2] for i in (0, 1)]

    return read(image, places, fill_mode, fill_value, order, size)


def read(image, places, fill_mode, fill_value=0.0, order=1, size=None):
    """Reads the image (h, w, c) at `places(y, x)` of the result's pixels."""
    size = image.shape[:2] if size is None else size
    channels = [
        ndimage.map_coordinates(
            plane.astype(np.float64),
            np.stack(places(*np.mgrid[: size[0], : size[1]].astype(np.float64))),
            order=order,
            mode=SCIPY_MODES[fill_mode],
            cval=fill_value,
        )
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def triangle_filter(image, scale, offset, length, fill_mode, fill_value=0.0):
    """Resamples axis 0: pixel i of the result is a tent of half-width max(1, scale) at its place.

    The tent reads the image as `np.pad` extends it.
    """
    reach = int(np.ceil(abs(offset) + length * abs(scale) + image.shape[0] + 3 + abs(scale)))
    padding = [(reach, reach)] + [(0, 0)] * (image.ndim - 1)
    extra = {"constant_values": fill_value} if fill_mode == "constant" else {}
    padded = np.pad(image.astype(np.float64), padding, NUMPY_MODES[fill_mode], **extra)
    places = np.arange(-reach, image.shape[0] + reach)
    rows = []
    for i in range(length):
        weights = np.maximum(0, 1 - np.abs(places - (scale * i + offset)) / max(1, abs(scale)))
        rows.append(np.tensordot(weights / weights.sum(), padded, axes=(0, 0)))
    return np.stack(rows)


def axis_zoom(image, height, width, fill_mode, fill_value=0.0):
    """The image, `height` and `width` times as much of it, through the triangle filter."""
    for axis, scale in enumerate((height, width)):
        length = image.shape[axis]
        offset = (1 - scale) * (length - 1) / 2
        turned = np.moveaxis(image, axis, 0)
        filtered = triangle_filter(turned, scale, offset, length, fill_mode, fill_value)
        image = np.moveaxis(filtered, 0, axis)
    return image


def resized(image, size, box=None):
    """Pillow's anti-aliased resize of the box (top, left, height, width) of an image (h, w, c).

    Channel by channel in floats, so that nothing is rounded.
    """
    top, left, height, width = (0, 0, *image.shape[:2]) if box is None else box
    corners = (left, top, left + width, top + height)
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, "float32"))
        for plane in np.moveaxis(image, 2, 0)
    ]
    return np.stack(
        [plane.resize(size[::-1], Image.Resampling.BILINEAR, corners) for plane in planes], 2
    )


def pad_and_crop(image, padding, top, left, height, width, fill_mode, fill_value=0):
    """The window of the padded image."""
    extra = {"constant_values": fill_value} if fill_mode == "constant" else {}
    widths = ((padding, padding), (padding, padding), (0, 0))
    padded = np.pad(image, widths, NUMPY_MODES[fill_mode], **extra)
    return padded[top : top + height, left : left + width]


# Colour: functions of an image (h, w, c) with values in any range, unclipped.


def luma(image):
    """(h, w, 1), of one channel the channel itself."""
    return image @ LUMA[:, None] if image.shape[-1] == 3 else image


def brightness(image, delta, unit=255.0):
    return image + delta * unit


def contrast(image, factor):
    pivot = luma(image).mean()
    return pivot + factor * (image - pivot)


def saturation(image, factor):
    """`factor` in Keras' units, where 0.5 changes nothing."""
    grey = luma(image)
    return grey + factor / (1 - factor) * (image - grey)


def hue(image, factor):
    """A turn about the grey axis, `factor` in half turns, by SciPy's rotations."""
    axis = np.full(3, 1 / np.sqrt(3))
    turned = Rotation.from_rotvec(factor * np.pi * axis).apply(image.reshape(-1, 3))
    return turned.reshape(image.shape)


def pca_shift(eigenvectors, eigenvalues, alphas, unit=255.0):
    """sum_i p_i alpha_i l_i, p_i the columns."""
    shift = np.zeros(3)
    for i in range(3):
        shift += np.asarray(eigenvectors)[:, i] * alphas[i] * eigenvalues[i]
    return shift * unit


def principal_components(pixels):
    """Eigenvalues, largest first, and eigenvectors as columns, of pixels (n, 3) in [0, 1]."""
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False, bias=True))
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]


# Masks and mixes.


def box(size, y, x, height, width):
    """A boolean mask (h, w): `height` x `width` pixels round (y, x), cut off at the border."""
    mask = np.zeros(size, bool)
    for row in range(y - height // 2, y - height // 2 + height):
        for column in range(x - width // 2, x - width // 2 + width):
            if 0 <= row < size[0] and 0 <= column < size[1]:
                mask[row, column] = True
    return mask


def psnr(result, reference, peak=255.0):
    """Decibels."""
    error = np.mean((np.asarray(result, np.float64) - np.asarray(reference, np.float64)) ** 2)
    return 10 * np.log10(peak**2 / error)
