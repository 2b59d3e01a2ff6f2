"""Small files in the formats of CIFAR-10, written byte by byte from their descriptions."""

import struct
import tarfile

import numpy as np

NAMES = (*(f"data_batch_{count}" for count in range(1, 6)), "test_batch")


def batches(rows=20, seed=0):
    """Random images and labels, by name of batch; every class twice in each."""
    generator = np.random.default_rng(seed)
    return {
        name: (
            generator.integers(256, size=(rows, 32, 32, 3)).astype(np.uint8),
            generator.permutation(np.arange(rows) % 10),
        )
        for name in NAMES
    }


def planes(images):
    """Each image's red rows, then its green ones, then its blue ones."""
    return np.stack([images[..., channel].reshape(len(images), -1) for channel in range(3)], 1)


def binary(images, labels):
    """One byte of label, then the planes, image after image."""
    rows = planes(images).reshape(len(images), -1)
    return b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, rows, strict=True))


def python2_pickle(images, labels):
    """What Python 2's pickle.dump({"data": array, "labels": [...], ...}, protocol=2) wrote."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def count(value):
        return b"J" + struct.pack("<i", value)

    content = planes(images).tobytes()
    reconstruct = b"cnumpy.core.multiarray\n_reconstruct\n"
    empty_array = reconstruct + b"cnumpy\nndarray\n" + count(0) + b"\x85" + text(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + count(0) + count(1) + b"\x87R"
    dtype += b"(" + count(3) + text(b"|") + b"NNN" + count(-1) + count(-1) + count(0) + b"tb"
    shape = count(len(images)) + count(3072) + b"\x86"
    raw = b"T" + struct.pack("<i", len(content)) + content
    array = empty_array + b"(" + count(1) + shape + dtype + b"\x89" + raw + b"tb"
    items = [
        text(b"batch_label") + text(b"training batch"),
        text(b"labels") + b"](" + b"".join(count(int(label)) for label in labels) + b"e",
        text(b"data") + array,
        text(b"filenames") + b"](" + text(b"a_cat.png") + b"e",
    ]
    return b"\x80\x02}(" + b"".join(items) + b"u."


def write(folder, version, contents):
    """The batches in a folder, as the archive unpacks: `contents` maps names to arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    encode, ending = {"python": (python2_pickle, ""), "binary": (binary, ".bin")}[version]
    for name, (images, labels) in contents.items():
        (folder / (name + ending)).write_bytes(encode(images, labels))
    (folder / "readme.html").write_text("no batch")


def pack(archive, folder):
    """The folder as a tar.gz."""
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
