"""Augmentations that cover a part of the image."""
