"""Which image files a folder holds: of which part, and of which class."""

from __future__ import annotations

import os
from pathlib import Path

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
PARTS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


def find_images(path: Path, owner: str = "image_folder") -> dict[str, dict[str, list[Path]]]:
    """The image files of each class, for each part.

    Args:
        path: A folder of class folders, or of `train`, `validation` and `test` with class
            folders in them.
        owner: The name that errors begin with.

    Returns:
        The files by part and class name, everything in alphabetical order: `"train"`, and
        `"validation"` and `"test"` where they have folders of their own.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are fewer than two classes, a class is empty, or the parts' classes
            differ.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"`{owner}`: there is no folder {str(path)!r}.")
    parts = _parts(path, owner)
    found = {
        part: {folder.name: _images(folder) for folder in _folders(place)}
        for part, place in parts.items()
    }
    names = list(found["train"])
    if len(names) < 2:
        here = f"only one class, {names[0]!r}" if names else "no class folders"
        raise ValueError(
            f"`{owner}`: {str(parts['train'])!r} has {here}; it must have a folder of images "
            "for each of two classes or more."
        )
    for part, classes in found.items():
        place = str(parts[part])
        for name in names:
            if not classes.get(name):
                raise ValueError(
                    f"`{owner}`: the class {name!r} has no images ({', '.join(ENDINGS)}) in "
                    f"{place!r}."
                )
        for name in classes:
            if name not in names:
                raise ValueError(
                    f"`{owner}`: the class {name!r} of {place!r} is not among those of "
                    f"{str(parts['train'])!r}."
                )
    return found


def _parts(path: Path, owner: str) -> dict[str, Path]:
    """The folder of each part; the training part is the whole folder where none has a name."""
    folders = _folders(path)
    named = {PARTS[f.name.lower()]: f for f in folders if f.name.lower() in PARTS}
    # A class may be called "train": beside other classes, and no "test", it is one.
    if "train" not in named or (len(named) == 1 < len(folders)):
        return {"train": path}
    for folder in folders:
        if folder not in named.values():
            raise ValueError(
                f"`{owner}`: {str(path)!r} has a folder {folder.name!r} beside those of "
                f"{', '.join(named)}; move it, or rename them."
            )
    return named


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and _visible(entry))


def _images(folder: Path) -> list[Path]:
    """The images of a folder and, as in Keras, of the folders in it."""
    with os.scandir(folder) as entries:  # which, unlike paths, know what they are
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    own = (e.name for e in visible if e.name.lower().endswith(ENDINGS) and e.is_file())
    images = [folder / name for name in sorted(own)]
    deeper = [file for e in visible if e.is_dir() for file in _images(folder / e.name)]
    return sorted([*images, *deeper]) if deeper else images


def _visible(entry: Path) -> bool:
    return not entry.name.startswith(".")
