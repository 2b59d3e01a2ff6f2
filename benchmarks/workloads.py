"""The workloads, written for each library the way its users write them.

Each function takes a dataset of batches `(uint8 images, int64 labels)` and returns the dataset of
`(float32 images, one-hot labels)` that a model would be fed, before `prefetch`.
"""

import tensorflow as tf

CLASSES = 10
MEAN = (123.0, 116.0, 103.0)
VARIANCE = (58.0**2, 57.0**2, 57.0**2)
SHAPES = {"W1": (128, 32), "W3": (64, 224)}


def kit(workload):
    """One `Pipeline`, mapped."""
    from keras_trainkit import layers

    before = {
        "W1": [
            layers.RandomCrop(32, 32, padding=4),
            layers.RandomFlip("horizontal"),
            layers.Cutout(16),
        ],
        "W3": [
            layers.RandomRotation(15 / 360),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomShear(0.176, 0.176),
            layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1)),
            layers.RandomBrightness(0.2),
            layers.RandomContrast(0.2),
            layers.Cutout(56),
        ],
    }[workload]
    pipeline = layers.Pipeline(
        [*before, layers.Normalization(MEAN, VARIANCE), layers.MixUp(0.2, num_classes=CLASSES)],
        fill_mode="constant",
    )
    return lambda batches: pipeline.map(batches, seed=1)


def keras_layers(workload):
    """Keras' own layers."""
    from keras import layers

    constant = {"fill_mode": "constant"}
    before = {
        "W1": [
            layers.ZeroPadding2D(4),
            layers.RandomCrop(32, 32),
            layers.RandomFlip("horizontal"),
            layers.RandomErasing(1.0, scale=(0.25, 0.25)),
        ],
        "W3": [
            layers.RandomRotation(15 / 360, **constant),
            layers.RandomTranslation(0.1, 0.1, **constant),
            layers.RandomShear(0.176, 0.176, **constant),
            layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1), **constant),
            layers.RandomBrightness(0.2),
            layers.RandomContrast(0.2),
            layers.RandomErasing(1.0, scale=(0.0625, 0.0625)),
        ],
    }[workload]
    return _layers(before, layers.Normalization(mean=MEAN, variance=VARIANCE), layers.MixUp(0.2))


def keras_cv(workload):
    """KerasCV's layers."""
    import keras
    import keras_cv

    cv = keras_cv.layers
    constant = {"fill_mode": "constant"}
    before = {
        "W1": [
            keras.layers.ZeroPadding2D(4),
            cv.RandomCrop(32, 32),
            cv.RandomFlip("horizontal"),
            cv.RandomCutout(0.5, 0.5),
        ],
        "W3": [
            cv.RandomRotation(15 / 360, **constant),
            cv.RandomTranslation(0.1, 0.1, **constant),
            cv.RandomShear(0.176, 0.176, **constant),
            cv.RandomZoom((-0.1, 0.1), (-0.1, 0.1), **constant),
            cv.RandomBrightness(0.2),
            cv.RandomContrast(value_range=(0, 255), factor=0.2),
            cv.RandomCutout(0.25, 0.25),
        ],
    }[workload]
    normalization = keras.layers.Normalization(mean=MEAN, variance=VARIANCE)
    return _layers(before, normalization, cv.MixUp(0.2))


def _layers(before, normalization, mix):
    """A chain of layers mapped over batches, as both libraries' guides do."""

    def augment(images, labels):
        images = tf.cast(images, tf.float32)
        for layer in before:
            images = layer(images, training=True)
        mixed = mix(
            {"images": normalization(images), "labels": tf.one_hot(labels, CLASSES)},
            training=True,
        )
        return mixed["images"], mixed["labels"]

    return lambda batches: batches.map(augment, num_parallel_calls=tf.data.AUTOTUNE)


def tf_image(workload):
    """W1 by hand: image by image, then mixup on the batch."""
    if workload != "W1":
        return None
    batch, side = SHAPES[workload]

    def one(image, label):
        image = tf.image.random_crop(tf.pad(image, [[4, 4], [4, 4], [0, 0]]), [side, side, 3])
        image = tf.cast(tf.image.random_flip_left_right(image), tf.float32)
        centre = tf.random.uniform([2], 0, side, tf.int32)
        place = tf.range(side)
        inside = [abs(place - centre[axis]) < 8 for axis in (0, 1)]
        hidden = tf.logical_and(inside[0][:, None], inside[1][None, :])[..., None]
        image = tf.where(hidden, 0.0, image)
        return (image - MEAN) / tf.sqrt(VARIANCE), tf.one_hot(label, CLASSES)

    def mix(images, labels):
        gamma = tf.random.gamma([2, batch], 0.2)
        share = gamma[0] / tf.reduce_sum(gamma, axis=0)
        partner = tf.random.shuffle(tf.range(batch))
        image_share = share[:, None, None, None]
        return (
            image_share * images + (1 - image_share) * tf.gather(images, partner),
            share[:, None] * labels + (1 - share[:, None]) * tf.gather(labels, partner),
        )

    def augment(batches):
        auto = tf.data.AUTOTUNE
        images = batches.unbatch().map(one, num_parallel_calls=auto)
        return images.batch(batch, drop_remainder=True).map(mix, num_parallel_calls=auto)

    return augment


def cast_only(workload):
    """The floor: what it costs to turn uint8 into float32 and nothing else."""

    def cast(images, labels):
        return tf.cast(images, tf.float32), tf.one_hot(labels, CLASSES)

    return lambda batches: batches.map(cast, num_parallel_calls=tf.data.AUTOTUNE)


LIBRARIES = {
    "cast only": cast_only,
    "keras_trainkit": kit,
    "Keras": keras_layers,
    "KerasCV": keras_cv,
    "tf.image": tf_image,
}
