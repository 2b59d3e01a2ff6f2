"""Choosing hyperparameters: the lecture's seven steps, and one page where all of it stands."""

from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.tuning.coarse_search import coarse_search
from keras_trainkit.tuning.refine_search import refine_search
from keras_trainkit.tuning.space import Choice, IntUniform, LogUniform, Uniform
from keras_trainkit.tuning.write_board import write_board

__all__ = [
    "Choice",
    "IntUniform",
    "LogUniform",
    "Uniform",
    "coarse_search",
    "diagnose",
    "refine_search",
    "write_board",
]
