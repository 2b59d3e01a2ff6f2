"""What the torch libraries share: DataLoaders over images in memory, mixup, PCA jitter."""

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from peers.arrays import arrays
from workloads import EIGENVALUES, EIGENVECTORS

WORKERS = 2


class Images(Dataset):
    """Endless single images, transformed; channels first for torch, last for OpenCV."""

    def __init__(self, workload, transform, channels_first):
        self.images, self.labels = arrays(workload)
        if channels_first:
            self.images = torch.from_numpy(self.images).permute(0, 3, 1, 2).contiguous()
        self.transform = transform

    def __len__(self):
        return 1_000_000_000

    def __getitem__(self, index):
        index %= len(self.images)
        return self.transform(self.images[index]), int(self.labels[index])


class Loaded:
    """Batches of single images from worker processes, which end with the iterator."""

    def __init__(self, workload, transform, channels_first=True, finish=None, start=None):
        self.loader = DataLoader(
            Images(workload, transform, channels_first),
            workload.batch,
            num_workers=WORKERS,
            collate_fn=default_collate,
            worker_init_fn=start,
            multiprocessing_context="fork",
        )
        self.finish = finish

    def __iter__(self):
        for images, labels in self.loader:
            yield self.finish(images, labels) if self.finish else (images.float(), labels)


class Batches:
    """Endless batches, channels first, augmented as a whole in this process."""

    def __init__(self, workload, augment):
        images, labels = arrays(workload)
        images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        self.batches = list(
            zip(
                images.split(workload.batch),
                torch.from_numpy(labels).split(workload.batch),
                strict=True,
            )
        )
        self.augment = augment

    def __iter__(self):
        with torch.inference_mode():
            while True:
                for images, labels in self.batches:
                    yield self.augment(images, labels)


def pca_jitter(image):
    """AlexNet's, for one float image, channels first, in [0, 1]."""
    shift = torch.tensor(EIGENVECTORS) @ (0.1 * torch.randn(3) * torch.tensor(EIGENVALUES))
    return image + shift[:, None, None]
