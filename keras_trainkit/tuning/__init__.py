"""Choosing hyperparameters: the lecture's seven steps, and one page where all of it stands."""

from keras_trainkit.tuning.write_board import write_board

__all__ = ["write_board"]
