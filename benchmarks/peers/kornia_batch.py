"""kornia on the batch tensor, parameters drawn for each image.

RandAugment is the exception: kornia chooses the operations once a batch.
"""

import kornia.augmentation as K
import torch
from kornia.augmentation.auto import RandAugment
from torch import nn

from peers.torch_data import Batches
from workloads import CLASSES, DEVIATION, EIGENVALUES, EIGENVECTORS, MEAN


def affine():
    """One transform has it all."""
    return K.RandomAffine(15.0, (0.1, 0.1), (0.9, 1.1), 10.0, p=1.0)


def jitter():
    """Brightness and contrast."""
    return [K.RandomBrightness((0.8, 1.2), p=1.0), K.RandomContrast((0.8, 1.2), p=1.0)]


def cutout(share):
    """A square, which never crosses the border."""
    return K.RandomErasing((share, share), (1.0, 1.0), p=1.0)


def normalize():
    """By the numbers that all are given."""
    mean, deviation = ([value / 255 for value in values] for values in (MEAN, DEVIATION))
    return K.Normalize(torch.tensor(mean), torch.tensor(deviation))


class PCAJitter(nn.Module):
    """AlexNet's, which kornia has not."""

    def forward(self, images):
        """A colour for each image."""
        alpha = 0.1 * torch.randn(len(images), 3) * torch.tensor(EIGENVALUES)
        return images + (alpha @ torch.tensor(EIGENVECTORS).T)[:, :, None, None]


STEPS = {
    "W1": lambda: [
        K.RandomCrop((32, 32), padding=4),
        K.RandomHorizontalFlip(),
        cutout(0.25),
        normalize(),
    ],
    "W2": lambda: [
        K.RandomResizedCrop((224, 224), (0.08, 1.0), (3 / 4, 4 / 3)),
        K.RandomHorizontalFlip(),
        *jitter(),
        K.RandomSaturation((0.8, 1.2), p=1.0),
        PCAJitter(),
        normalize(),
    ],
    "W3": lambda: [affine(), *jitter(), cutout(0.0625), normalize()],
    "affine": lambda: [affine()],
    "brightness_contrast": jitter,
    "cutout": lambda: [cutout(0.0625)],
    "flip": lambda: [K.RandomHorizontalFlip()],
    "mixup": lambda: [],
    "randaugment": lambda: [RandAugment(n=2, m=9)],
}


def batches(workload, name):
    """The workload's modules one after the other."""
    augmentation = nn.Sequential(*STEPS[name]())
    mixup = K.RandomMixUpV2(data_keys=["input", "class"], p=1.0)

    def augment(images, labels):
        images = augmentation(images.float() / 255)
        if name not in ("W1", "W3", "mixup"):
            return images, labels
        images, mixed = mixup(images, labels)
        one_hot = nn.functional.one_hot(mixed[:, :2].long(), CLASSES)
        share = mixed[:, 2:]
        return images, (1 - share) * one_hot[:, 0] + share * one_hot[:, 1]

    return Batches(workload, augment)
