"""Who is measured: one module a library, each written the way its users write it.

A module has `batches(workload, name)`: an iterable, opened afresh for each turn, of endless batches
`(float32 images, labels)`.  This file imports none of them, as each has an environment of its own.
"""

from dataclasses import dataclass, field

KIT = "keras_trainkit"
FLOOR = "cast only"

# Threads that spin while they wait halve the speed of torch as soon as anything else runs.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
# glibc maps and unmaps large buffers, and each page of a fresh one costs a fault.
KEEP_MEMORY = {
    **PATIENT,
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_TOP_PAD_": str(2**26),
}


@dataclass(frozen=True)
class Peer:
    """A row of the tables.

    `kind` is "kit", "floor", "peer", "tuned" for a peer whose freed memory is kept, or "aside" for
    what does less than is asked and is not compared; `lacks` are the workloads that the library
    has no operations for.
    """

    name: str
    module: str
    environment: str
    kind: str = "peer"
    lacks: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


_TORCH = {
    "torchvision": "torchvision_image",
    "albumentations": "albumentations_image",
    "kornia": "kornia_batch",
}

PEERS = (
    Peer(FLOOR, "cast_only", "kerascv", "floor"),
    Peer(KIT, "kit", "kerascv", "kit"),
    Peer("Keras", "keras_layers", "kerascv"),
    Peer("KerasCV", "keras_cv_layers", "kerascv"),
    Peer("tf.image", "tf_image", "kerascv", lacks=("W3", "affine", "randaugment")),
    Peer("TensorFlow Addons", "tf_addons", "tfa", lacks=("randaugment",)),
    *(Peer(name, module, "torch", variables=PATIENT) for name, module in _TORCH.items()),
    *(
        Peer(f"{name}, tuned malloc", module, "torch", "tuned", variables=KEEP_MEMORY)
        for name, module in _TORCH.items()
    ),
    # one set of parameters for all images of a batch
    Peer("torchvision, whole batch", "torchvision_batch", "torch", "aside", variables=PATIENT),
)
