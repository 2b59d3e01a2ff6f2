"""Choosing hyperparameters: the lecture's seven steps, and one page where all of it stands."""

from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.callbacks.find_learning_rate import find_learning_rate
from keras_trainkit.callbacks.initial_loss_check import check_initial_loss
from keras_trainkit.tuning.coarse_search import coarse_search
from keras_trainkit.tuning.overfit_small_sample import overfit_small_sample
from keras_trainkit.tuning.refine_search import refine_search
from keras_trainkit.tuning.run_all import run_all
from keras_trainkit.tuning.space import Choice, IntUniform, LogUniform, Uniform
from keras_trainkit.tuning.write_board import write_board

__all__ = [
    "Choice",
    "IntUniform",
    "LogUniform",
    "Uniform",
    "check_initial_loss",
    "coarse_search",
    "diagnose",
    "find_learning_rate",
    "overfit_small_sample",
    "refine_search",
    "run_all",
    "write_board",
]
