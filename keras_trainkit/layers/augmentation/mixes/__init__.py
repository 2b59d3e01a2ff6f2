"""Augmentations that mix images, and their labels with them."""
