"""Augmentations that change colours."""
