"""albumentations, image by image in the workers of a DataLoader.

RandAugment, which it has not, is `SomeOf` the same operations; its `FancyPCA` analyses each image
anew, which is not AlexNet's and slower, so PCA jitter is written by hand; mixup is torchvision's.
"""

import albumentations as A
import cv2
import numpy as np
from albumentations.pytorch import ToTensorV2

from peers.torch_data import Loaded
from peers.torchvision_image import mixing
from workloads import DEVIATION, EIGENVALUES, EIGENVECTORS, MEAN

ALWAYS = {"p": 1.0}
STRENGTH = 9 / 30  # RandAugment's magnitude of 9


def affine(p=1.0):
    """One transform has it all."""
    return A.Affine(
        rotate=(-15, 15), translate_percent=(-0.1, 0.1), shear=(-10, 10), scale=(0.9, 1.1), p=p
    )


def jitter():
    """Brightness and contrast."""
    return A.RandomBrightnessContrast(0.2, 0.2, **ALWAYS)


def cutout(size):
    """One square, which never crosses the border."""
    return A.CoarseDropout((1, 1), (size, size), (size, size), **ALWAYS)


def normalize():
    """By the numbers that all are given."""
    return A.Normalize([value / 255 for value in MEAN], [value / 255 for value in DEVIATION])


def pca_jitter(image, **_):
    """AlexNet's, on uint8."""
    shift = np.asarray(EIGENVECTORS) @ (np.random.normal(0, 0.1, 3) * EIGENVALUES)  # noqa: NPY002
    return cv2.add(image, (*(255 * shift), 0.0))


def rand_augment():
    """The paper's operations, two of them, with replacement."""
    enhance, shear = 0.9 * STRENGTH, np.degrees(0.3 * STRENGTH)
    range_of = {"p": 1.0, "brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1)}
    range_of["hue"] = (0, 0)
    both = (1 - enhance, 1 + enhance)
    return A.SomeOf(
        [
            A.NoOp(**ALWAYS),
            A.AutoContrast(**ALWAYS),
            A.Equalize(**ALWAYS),
            A.Rotate((-30 * STRENGTH, 30 * STRENGTH), **ALWAYS),
            A.Solarize((1 - STRENGTH, 1 - STRENGTH), **ALWAYS),
            A.ColorJitter(**{**range_of, "saturation": both}),
            A.Posterize(8 - round(4 * STRENGTH), **ALWAYS),
            A.ColorJitter(**{**range_of, "contrast": both}),
            A.ColorJitter(**{**range_of, "brightness": both}),
            A.Sharpen((0, enhance), **ALWAYS),
            A.Affine(shear={"x": (-shear, shear), "y": (0, 0)}, **ALWAYS),
            A.Affine(shear={"x": (0, 0), "y": (-shear, shear)}, **ALWAYS),
            A.Affine(translate_percent={"x": (-0.45 * STRENGTH, 0.45 * STRENGTH)}, **ALWAYS),
            A.Affine(translate_percent={"y": (-0.45 * STRENGTH, 0.45 * STRENGTH)}, **ALWAYS),
        ],
        n=2,
        replace=True,
    )


TRANSFORMS = {
    "W1": lambda: [
        A.Pad(4),
        A.RandomCrop(32, 32),
        A.HorizontalFlip(),
        cutout(16),
        normalize(),
    ],
    "W2": lambda: [
        A.RandomResizedCrop((224, 224), (0.08, 1.0), (3 / 4, 4 / 3)),
        A.HorizontalFlip(),
        A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (0, 0), **ALWAYS),
        A.Lambda(pca_jitter),
        normalize(),
    ],
    "W3": lambda: [affine(), jitter(), cutout(56), normalize()],
    "affine": lambda: [affine()],
    "brightness_contrast": lambda: [jitter()],
    "cutout": lambda: [cutout(56)],
    "flip": lambda: [A.HorizontalFlip()],
    "mixup": lambda: [],
    "randaugment": lambda: [rand_augment()],
}


def one_thread(worker):
    """OpenCV's own threads would stand in the way of the other worker."""
    cv2.setNumThreads(0)


def batches(workload, name):
    """The workload's transforms in two workers."""
    compose = A.Compose([*TRANSFORMS[name](), ToTensorV2()])

    def transform(image):
        return compose(image=image)["image"]

    return Loaded(workload, transform, channels_first=False, finish=mixing(name), start=one_thread)
