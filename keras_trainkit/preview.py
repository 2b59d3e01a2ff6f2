"""The command `preview`: a contact sheet of a preset's augmentation on images of yours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit import presets
from keras_trainkit.datasets.read_image import read_image

_DPI = 150
_ANY_SIZE = 480  # the side to which images are brought that may have any
_NAMES = [name for name in presets.__all__ if not isinstance(getattr(presets, name), type)]


def add_to(commands: Any) -> None:
    """Adds `preview` to the command line's commands."""
    parser = commands.add_parser(
        "preview",
        help="draw a contact sheet of what a preset does to images",
        description="A row for each operation, from the weak end of its strength to the strong "
        "one, then all of it. Images are cut to their central square, of the size that the preset "
        "takes; a preset that adapts to its training images adapts to these.",
    )
    parser.add_argument("--preset", required=True, choices=_NAMES)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="image files")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("preview.png"),
        metavar="FILE",
        help="the picture, .png, .jpg, .pdf or .svg; default: preview.png",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the last row; default: 0")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draws the sheet; one sentence on stderr where that cannot be done."""
    try:
        recipe = getattr(presets, options.preset)(num_classes=10, examples=10_000)
        augmentation = recipe.augmentation
        side = _side(recipe)
        images = np.stack([read_image(path, side, options.preset) for path in options.images])
        if any(getattr(op, "mean", ()) is None for op in augmentation.operations()):
            augmentation.adapt(images)
        sheet = augmentation.preview(images, seed=options.seed)
        sheet.savefig(options.output, dpi=_DPI)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"keras_trainkit preview: {error}", file=sys.stderr)
        return 2
    print(options.output)
    return 0


def _side(recipe: presets.Recipe) -> int:
    """Of the images that the recipe takes."""
    if isinstance(recipe, presets.ImageFileRecipe):
        return _ANY_SIZE
    return recipe.augmentation.compute_output_shape((None, None, 3))[0] or _ANY_SIZE
