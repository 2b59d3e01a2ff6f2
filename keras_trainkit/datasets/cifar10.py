"""CIFAR-10, from the files that its page offers."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import keras
import numpy as np

from keras_trainkit._core.arguments import integer, number
from keras_trainkit.datasets.cifar10_batches import Batch, from_pickle, from_records
from keras_trainkit.datasets.splits import Splits, stratified

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = (*(f"data_batch_{count}" for count in range(1, 6)), "test_batch")
VERSIONS = {"": from_pickle, ".bin": from_records}  # by the ending of the files' names
NAMES = [name + ending for ending in VERSIONS for name in BATCHES]
FOLDERS = ("", "cifar-10-batches-py", "cifar-10-batches-bin")


def cifar10(
    path: str | os.PathLike[str] | None = None, validation_split: float = 0.1, seed: int = 0
) -> Splits:
    """CIFAR-10: 60,000 photographs of 32x32, in ten classes.

    The python version and the binary version are read, from the archive as it was downloaded or
    from the folder that it unpacks to.  The python version is a pickle, which may run any code
    when it is loaded: here it can build nothing but lists, dictionaries, numbers and bytes.

    Args:
        path: `cifar-10-python.tar.gz` or `cifar-10-binary.tar.gz`, or a folder with their batches
            in it, or in a `cifar-10-batches-py` or `cifar-10-batches-bin` of it.  None takes the
            copy of `keras.datasets.cifar10`, which downloads it where there is none.
        validation_split: The share of the training images, above 0 and below 1, that becomes the
            validation part, drawn class by class.
        seed: A whole number from 0, of that draw.

    Returns:
        `Splits` of 45,000 / 5,000 / 10,000 images.

    Raises:
        FileNotFoundError: If nothing is at `path`.
        ConnectionError: If `path` is None and the download fails.
        ValueError: If the files are not CIFAR-10's, or an argument breaks its rule.

    Example:

    >>> from keras_trainkit.datasets import cifar10
    >>> cifar10("cifar-10-python.tar.gz")  # doctest: +SKIP
    Splits(train=45000, validation=5000, test=10000 images of 32x32x3 in 10 classes)

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
    """
    share = number("cifar10", "validation_split", validation_split, above=0, below=1)
    generator = np.random.default_rng(integer("cifar10", "seed", seed, 0))
    (images, labels), test = _from_keras() if path is None else _from_files(Path(path))
    train, validation = (
        (images[chosen], labels[chosen])
        for chosen in stratified("cifar10", labels, CLASSES, (share,), generator)
    )
    return Splits(train, validation, test, CLASSES)


def _from_keras() -> tuple[Batch, Batch]:
    try:
        batches = keras.datasets.cifar10.load_data()
    except Exception as error:  # a bare one is what Keras raises
        raise ConnectionError(
            f"`cifar10`: Keras could not download CIFAR-10 ({error}); give `path` the archive or "
            "the folder that you have."
        ) from error
    train, test = ((images, labels[:, 0].astype(np.int64)) for images, labels in batches)
    return train, test


def _from_files(path: Path) -> tuple[Batch, Batch]:
    files = _read(path)
    ending = ".bin" if any(name.endswith(".bin") for name in files) else ""
    names = [name + ending for name in BATCHES]
    missing = [name for name in names if name not in files]
    if missing:
        raise ValueError(f"`cifar10`: {str(path)!r} has no {', '.join(missing)}.")
    batches = []
    for name in names:
        try:
            batches.append(VERSIONS[ending](files.pop(name)))
        except Exception as error:  # a damaged pickle fails in any way it likes
            raise ValueError(
                f"`cifar10`: {name} of {str(path)!r} is no batch of CIFAR-10 ({error})."
            ) from error
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches[:-1], strict=True))
    return (images, labels), batches[-1]


def _read(path: Path) -> dict[str, bytes]:
    """The batches that are there, by name; an archive is read, never unpacked."""
    if path.is_dir():
        found = ([path / folder / name for name in NAMES] for folder in FOLDERS)
        present = ([file for file in files if file.is_file()] for files in found)
        return {file.name: file.read_bytes() for file in next(filter(None, present), [])}
    if not path.exists():
        raise FileNotFoundError(f"`cifar10`: there is no file or folder {str(path)!r}.")
    files = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                content = archive.extractfile(member) if name in NAMES else None
                if content is not None:
                    files[name] = content.read()
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"`cifar10`: {str(path)!r} is neither a folder nor a whole tar archive ({error})."
        ) from error
    return files
