"""One image file as a square of RGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import LazyModule

Image: Any = LazyModule("PIL.Image", "demo")
ImageOps: Any = LazyModule("PIL.ImageOps", "demo")


def read_image(file: Path, size: int, owner: str = "image_folder") -> np.ndarray:
    """Reads an image, upright, its short side resized to `size` and its centre kept.

    Args:
        file: The file, in any format of Pillow's; of an animation, the first frame.
        size: The side of the square.
        owner: The name that errors begin with.

    Returns:
        `uint8` of shape `(size, size, 3)`.

    Raises:
        ValueError: If the file cannot be read.
    """
    open_image, fit = Image.open, ImageOps.fit  # outside the try: Pillow may be missing
    try:
        with open_image(file) as image:
            image.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at a fraction
            upright = _rgb(ImageOps.exif_transpose(image))
            return np.asarray(fit(upright, (size, size), Image.Resampling.BILINEAR))
    except Exception as error:  # a damaged file fails in any way it likes
        raise ValueError(f"`{owner}`: cannot read {str(file)!r} ({error}).") from error


def _rgb(image: Any) -> Any:
    """Any mode as RGB: 16 bits scaled to 8, transparency on white."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, of no known range")
    if image.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
        grey = np.minimum(np.asarray(image) / 257, 255)
        image = Image.fromarray(np.rint(grey).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
