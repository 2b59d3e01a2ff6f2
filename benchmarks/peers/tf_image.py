"""`tf.image` by hand: image by image, then mixup on the batch."""

import tensorflow as tf

from peers import tf_data
from workloads import CLASSES, DEVIATION, MEAN

MIXING = ("W1", "W3", "mixup")


def crop(image):
    """Pad 4 and crop back."""
    return tf.image.random_crop(tf.pad(image, [[4, 4], [4, 4], [0, 0]]), [32, 32, 3])


def resized_crop(image):
    """To 224x224 from 8 to 100% of the area."""
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros([1, 0, 4]),
        min_object_covered=0.0,
        area_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
        use_image_if_no_bounding_boxes=True,
    )
    return tf.image.resize(tf.slice(image, begin, size), [224, 224])


def jitter(image):
    """Brightness and contrast."""
    image = tf.image.random_brightness(tf.cast(image, tf.float32), 51.0)
    return tf.clip_by_value(tf.image.random_contrast(image, 0.8, 1.2), 0.0, 255.0)


def cutout(image, size):
    """A square of zeros, its centre anywhere; times a mask, as `tf.where` takes longer."""
    side = image.shape[0]
    centre = tf.random.uniform([2], 0, side, tf.int32)
    begin = tf.maximum(centre - size // 2, 0)
    end = tf.minimum(centre + size // 2, side)
    padding = tf.stack([begin, side - end], axis=1)
    mask = tf.pad(tf.zeros(end - begin, image.dtype), padding, constant_values=1)
    return image * mask[..., None]


def normalise(images):
    """By the numbers that all are given."""
    return (tf.cast(images, tf.float32) - MEAN) / DEVIATION


def w1(image):
    """All of W1 before mixup."""
    return normalise(cutout(tf.image.random_flip_left_right(crop(image)), 16))


def w2(image):
    """All of W2."""
    image = jitter(tf.image.random_flip_left_right(resized_crop(image)))
    image = tf_data.pca_jitter(tf.image.random_saturation(image, 0.8, 1.2))
    return normalise(tf.clip_by_value(image, 0.0, 255.0))


STEPS = {
    "W1": w1,
    "W2": w2,
    "brightness_contrast": jitter,
    "cutout": lambda image: cutout(image, 56),
    "flip": tf.image.random_flip_left_right,
}


def mix(images, labels):
    """Mixup, a share for each image."""
    batch = images.shape[0]
    images, labels = tf.cast(images, tf.float32), tf.one_hot(labels, CLASSES)
    gamma = tf.random.gamma([2, batch], 0.2)
    share = gamma[0] / tf.reduce_sum(gamma, axis=0)
    partner = tf.random.shuffle(tf.range(batch))
    image_share = share[:, None, None, None]
    return (
        image_share * images + (1 - image_share) * tf.gather(images, partner),
        share[:, None] * labels + (1 - share[:, None]) * tf.gather(labels, partner),
    )


def batches(workload, name, steps=STEPS, finish=lambda images: images):
    """One image after the other, then `finish`, a cast or mixup on the batch."""

    def one(image, label):
        return steps[name](image), label

    def whole(images, labels):
        images = finish(images)
        if name in MIXING:
            return mix(images, labels)
        return tf.cast(images, tf.float32), labels

    if name not in steps:
        return tf_data.mapped(tf_data.batches(workload), whole)
    single = tf_data.images(workload).map(one, num_parallel_calls=tf_data.AUTO)
    return tf_data.mapped(tf_data.batched(single, workload), whole)
