"""torchvision's v2 transforms on whole batches: one set of parameters for all of their images."""

from torchvision.transforms import v2

from peers.torch_data import Batches
from peers.torchvision_image import TRANSFORMS, mixing


def batches(workload, name):
    """The same transforms as for single images."""
    transform, mix = v2.Compose(TRANSFORMS[name]()), mixing(name)

    def augment(images, labels):
        images = transform(images)
        return mix(images, labels) if mix else (images.float(), labels)

    return Batches(workload, augment)
