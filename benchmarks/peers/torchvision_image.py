"""torchvision's v2 transforms, image by image in the workers of a DataLoader.

Mixup, which is for batches, follows the DataLoader, as the documentation shows; PCA jitter is
written by hand.
"""

import torch
from torchvision.transforms import v2

from peers.torch_data import Loaded, pca_jitter
from workloads import CLASSES, DEVIATION, MEAN

MIXING = ("W1", "W3", "mixup")


def affine():
    """One transform has it all."""
    bilinear = v2.InterpolationMode.BILINEAR
    return v2.RandomAffine(15, (0.1, 0.1), (0.9, 1.1), 10, interpolation=bilinear)


def cutout(share):
    """A square, which never crosses the border."""
    return v2.RandomErasing(p=1.0, scale=(share, share), ratio=(1.0, 1.0))


def floating():
    """To [0, 1]."""
    return v2.ToDtype(torch.float32, scale=True)


def normalize():
    """By the numbers that all are given."""
    return v2.Normalize([value / 255 for value in MEAN], [value / 255 for value in DEVIATION])


TRANSFORMS = {
    "W1": lambda: [
        v2.RandomCrop(32, padding=4),
        v2.RandomHorizontalFlip(),
        cutout(0.25),
        floating(),
        normalize(),
    ],
    "W2": lambda: [
        v2.RandomResizedCrop(224, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
        floating(),
        v2.Lambda(pca_jitter),
        normalize(),
    ],
    "W3": lambda: [
        affine(),
        v2.ColorJitter(brightness=0.2, contrast=0.2),
        cutout(0.0625),
        floating(),
        normalize(),
    ],
    "affine": lambda: [affine()],
    "brightness_contrast": lambda: [v2.ColorJitter(brightness=0.2, contrast=0.2)],
    "cutout": lambda: [cutout(0.0625)],
    "flip": lambda: [v2.RandomHorizontalFlip()],
    "mixup": lambda: [v2.Identity()],
    "randaugment": lambda: [v2.RandAugment(num_ops=2, magnitude=9)],
}


def mixing(name):
    """The function that follows the DataLoader where there is mixup."""
    if name not in MIXING:
        return None
    mixup = v2.MixUp(alpha=0.2, num_classes=CLASSES)
    return lambda images, labels: mixup(images.float(), labels)


def batches(workload, name):
    """The workload's transforms in two workers."""
    return Loaded(workload, v2.Compose(TRANSFORMS[name]()), finish=mixing(name))
