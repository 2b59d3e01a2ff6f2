"""What is measured: nine workloads, and the numbers that all libraries are given.

Images are uint8 in memory; what comes out is float32.  A workload of one operation is that
operation and a cast, whichever the library does first; the others end as their titles say.  Labels
become one-hot, mixed rows where there is mixup, and stay class ids elsewhere.
"""

from dataclasses import dataclass

CLASSES = 10
MEAN = (123.0, 116.0, 103.0)
DEVIATION = (58.0, 57.0, 57.0)
VARIANCE = tuple(deviation**2 for deviation in DEVIATION)
# ImageNet's principal components, for pixels in [0, 1]; column i belongs to eigenvalue i.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


@dataclass(frozen=True)
class Workload:
    """A title, the sizes in pixels, and how many times the best peer the kit is meant to be."""

    title: str
    goal: float
    batch: int = 64
    height: int = 224
    width: int = 224
    side: int = 224  # of what comes out


WORKLOADS = {
    "W1": Workload(
        "32x32, batch 128: pad 4 and crop, flip, cutout 16, normalise, mixup", 8, 128, 32, 32, 32
    ),
    "W2": Workload(
        "256x320 to 224x224, batch 64: resized crop, flip, brightness, contrast, saturation, PCA "
        "jitter, normalise",
        2.5,
        height=256,
        width=320,
    ),
    "W3": Workload(
        "224x224, batch 64: rotation, translation, shear, zoom, brightness, contrast, cutout 56, "
        "normalise, mixup",
        4,
    ),
    "affine": Workload("224x224, batch 64: rotation, translation, shear, zoom", 4),
    "brightness_contrast": Workload("224x224, batch 64: brightness, contrast", 1.7),
    "cutout": Workload("224x224, batch 64: cutout 56", 5),
    "flip": Workload("224x224, batch 64: horizontal flip of every other image", 2),
    "mixup": Workload("224x224, batch 64: mixup", 2),
    "randaugment": Workload("224x224, batch 64: RandAugment, two operations", 2),
}
