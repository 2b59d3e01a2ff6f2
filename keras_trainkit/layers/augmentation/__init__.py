"""Data side: augmentation of images inside `tf.data`, planned and fused."""
