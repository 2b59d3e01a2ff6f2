"""How faithful the pixels are: PSNR and grey levels against exact references, on photographs.

`python benchmarks/quality.py` prints four tables:

- composed geometry, and the same operations as a chain of single warps, against a Lanczos
  reading of the photograph at the composed places;
- RandomResizedCrop and the evaluation resize against Pillow's anti-aliased resize of the window;
- AutoAugment's operations against Pillow's own, in grey levels;
- colour operations against torchvision's formulas, alone, where only rounding differs, and as a
  jitter of three, which torchvision clips after each and the kit once.

Needs the extra `test` (SciPy, Pillow, scikit-learn).
"""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_sample_images

from keras_trainkit import layers

PHOTOS = load_sample_images().images
LUMA = np.array([0.299, 0.587, 0.114])
RNG = np.random.default_rng(0)


def psnr(result, reference):
    """Decibels, for values in [0, 255]."""
    error = np.mean((np.asarray(result, np.float64) - np.asarray(reference, np.float64)) ** 2)
    return 10 * np.log10(255**2 / error)


def windows(count, side):
    """Squares of the photographs with something in them, uint8 (count, side, side, 3)."""
    squares = []
    while len(squares) < count:
        photo = PHOTOS[len(squares) % len(PHOTOS)]
        top, left = (RNG.integers(0, length - side + 1) for length in photo.shape[:2])
        square = photo[top : top + side, left : left + side]
        if square.std() > 30:  # not a piece of plain sky
            squares.append(square)
    return np.stack(squares)


def places(build, images):
    """Where a geometric layer reads: (n, h, w, 2), by letting it move the coordinates themselves.

    A linear image stays what it is under bilinear interpolation, so this asks nothing of the
    layer's insides.
    """
    height, width = images.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1)
    channels = np.concatenate([grid, np.zeros_like(grid[..., :1])], -1).astype("float32")
    return build()(np.repeat(channels[None], len(images), 0)).numpy()[..., :2]


def lanczos(image, where, lobes=3):
    """The image (h, w, c) read at the places (y, x) with Lanczos' windowed sinc."""
    first = np.floor(where).astype(int) - lobes + 1
    total, weight_sum = 0.0, 0.0
    for dy in range(2 * lobes):
        for dx in range(2 * lobes):
            tap = first + np.array([dy, dx])
            offset = where - tap
            weight = np.prod(np.sinc(offset) * np.sinc(offset / lobes), axis=-1)[..., None]
            y, x = (np.clip(tap[..., axis], 0, image.shape[axis] - 1) for axis in (0, 1))
            total = total + weight * image[y, x]
            weight_sum = weight_sum + weight
    return np.clip(total / weight_sum, 0, 255)


def composed_geometry():
    """W3's four warps: fused, and one after the other."""
    images = windows(16, 224)
    members = [
        layers.RandomRotation(15 / 360),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomShear(0.176, 0.176),
        layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1)),
    ]

    def build(fuse):
        return layers.Pipeline(members, fuse=fuse, seed=3, fill_mode="nearest")

    where = places(lambda: build(True), images)
    inner = slice(48, -48)  # the middle, which no border reaches
    reference = np.stack([lanczos(*pair) for pair in zip(images, where, strict=True)])
    print("\nFour warps against a Lanczos reading at the composed places, PSNR in dB")
    for name, fuse in (("composed", True), ("a chain of four", False)):
        result = build(fuse)(images.astype("float32")).numpy()
        values = [
            psnr(ours[inner, inner], exact[inner, inner])
            for ours, exact in zip(result, reference, strict=True)
        ]
        print(f"  {name:18} {np.mean(values):6.1f}  (from {min(values):.1f} to {max(values):.1f})")


def resizes():
    """Sized crops against Pillow's `Image.resize(box=...)`."""
    print("\nResizes against Pillow's anti-aliased one, PSNR in dB")
    photos = np.stack(PHOTOS)

    def build():
        return layers.RandomResizedCrop(224, 224, seed=5)

    where = places(build, np.repeat(photos, 8, 0))
    result = build()(np.repeat(photos, 8, 0)).numpy()
    values = []
    for image, place, ours in zip(np.repeat(photos, 8, 0), where, result, strict=True):
        # the window's edges, from the straight line through the places along each axis
        lines = [np.polyfit(np.arange(40, 184), place[40:184, 100, 0], 1)]
        lines += [np.polyfit(np.arange(40, 184), place[100, 40:184, 1], 1)]
        edges = [(start - 0.5 * step + 0.5, start + 223.5 * step + 0.5) for step, start in lines]
        (top, bottom), (left, right) = (
            np.clip(pair, 0, length) for pair, length in zip(edges, image.shape[:2], strict=True)
        )
        box = (left, top, right, bottom)
        exact = Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR, box=box)
        values.append(psnr(ours, exact))
    print(f"  RandomResizedCrop  {np.mean(values):6.1f}  ({min(values):.1f} to {max(values):.1f})")
    evaluation = layers.Pipeline(
        [layers.Resizing(256, 256, crop_to_aspect_ratio=True), layers.CenterCrop(224, 224)]
    )
    ours = evaluation(photos, training=False).numpy()
    exact = [exact_evaluation(photo) for photo in PHOTOS]
    values = [psnr(*pair) for pair in zip(ours, exact, strict=True)]
    print(f"  256, centre 224    {np.mean(values):6.1f}  ({min(values):.1f} to {max(values):.1f})")


def exact_evaluation(photo):
    """The short side to 256, the central 224 x 224, in one resize of the window."""
    height, width = photo.shape[:2]
    window = min(height, width) * 224 / 256
    top, left = (height - window) / 2, (width - window) / 2
    box = (left, top, left + window, top + window)
    return Image.fromarray(photo).resize((224, 224), Image.Resampling.BILINEAR, box=box)


def pillow_operations():
    """AutoAugment's operations on values, each by a policy of one, against Pillow's."""
    enhancers = {
        "Color": ImageEnhance.Color,
        "Brightness": ImageEnhance.Brightness,
        "Contrast": ImageEnhance.Contrast,
        "Sharpness": ImageEnhance.Sharpness,
    }
    exact = {
        "AutoContrast": lambda image, _: ImageOps.autocontrast(image),
        "Equalize": lambda image, _: ImageOps.equalize(image),
        "Invert": lambda image, _: ImageOps.invert(image),
        "Posterize": lambda image, _: ImageOps.posterize(image, 6),
        "Solarize": lambda image, _: ImageOps.solarize(image, 255 - 255 * 5 / 9),
        **{
            name: lambda image, sign, of=of: of(image).enhance(1 + sign * 0.9 * 5 / 9)
            for name, of in enhancers.items()
        },
    }
    images = windows(16, 224)
    print("\nAutoAugment's operations against Pillow's, bin 5: grey levels apart")
    print(f"  {'':14} {'equal':>8} {'at most':>8}")
    for name, reference in exact.items():
        place = None if name in ("AutoContrast", "Equalize", "Invert") else 5
        policy = layers.AutoAugment([[(name, 1.0, place), ("Invert", 0.0, None)]], seed=1)
        apart = []
        for ours, image in zip(policy(images).numpy(), images, strict=True):
            # the sign is chance: whichever comes nearer
            signs = [
                np.abs(np.asarray(reference(Image.fromarray(image), sign), int) - ours)
                for sign in (-1, 1)
            ]
            apart.append(min(signs, key=np.sum))
        apart = np.stack(apart)
        print(f"  {name:14} {np.mean(apart == 0):8.2%} {apart.max():8d}")


def torchvision_blend(image, other, factor):
    """Its `_blend` of uint8 images: in float, clipped, cut off."""
    return np.clip(factor * image + (1 - factor) * other, 0, 255).astype(np.uint8)


def torchvision_contrast(image, factor):
    """Away from the mean of the grey image, whose levels are cut off."""
    return torchvision_blend(image, np.floor(image @ LUMA).mean(), factor)


def torchvision_saturation(image, factor):
    """Away from the grey image, whose levels are cut off."""
    return torchvision_blend(image, np.floor(image @ LUMA)[..., None], factor)


def colors():
    """Contrast and saturation alone and together, with the factors that the kit drew."""
    images = windows(16, 224)

    def contrast():
        return layers.RandomContrast(0.5, seed=7)

    # the slope of what the values become where nothing is clipped
    narrow = (100 + images / 10).astype("float32")
    factors = [
        np.polyfit(before.ravel(), after.ravel(), 1)[0]
        for before, after in zip(narrow, contrast()(narrow).numpy(), strict=True)
    ]
    saturate = 1.6
    unit = saturate / (1 + saturate)  # Keras' unit
    vivid = layers.RandomSaturation((unit, unit))
    both = layers.Pipeline([layers.RandomContrast(0.5), vivid], seed=7)
    apart = {"contrast": [], "saturation": [], "contrast, then saturation": []}
    for index, (image, factor) in enumerate(zip(images, factors, strict=True)):
        first = torchvision_contrast(image, factor)
        apart["contrast"].append((contrast, index, first))
        apart["saturation"].append((lambda: vivid, index, torchvision_saturation(image, saturate)))
        second = torchvision_saturation(first, saturate)
        apart["contrast, then saturation"].append((lambda: both, index, second))
    print("\nColour against torchvision's formulas: grey levels apart")
    print(f"  {'':28} {'mean':>6} {'99.9%':>6} {'at most':>8}")
    for name, rows in apart.items():
        ours = rows[0][0]()(images).numpy().astype(int)
        levels = np.abs(ours - np.stack([exact for _, _, exact in rows]))
        figures = np.mean(levels), np.quantile(levels, 0.999), levels.max()
        print(f"  {name:28} {figures[0]:6.2f} {figures[1]:6.0f} {figures[2]:8d}")


def main():
    """Prints the tables."""
    for table in (composed_geometry, resizes, pillow_operations, colors):
        table()


if __name__ == "__main__":
    main()
