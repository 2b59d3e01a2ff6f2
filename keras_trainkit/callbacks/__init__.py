"""Callbacks that look on while a model trains, keep its best, and say what they see."""

from keras_trainkit.callbacks.activation_statistics import ActivationStatistics
from keras_trainkit.callbacks.average_model_checkpoint import AverageModelCheckpoint
from keras_trainkit.callbacks.best_snapshot import best_snapshot
from keras_trainkit.callbacks.check_activations import check_activations
from keras_trainkit.callbacks.find_learning_rate import find_learning_rate
from keras_trainkit.callbacks.initial_loss_check import InitialLossCheck, check_initial_loss
from keras_trainkit.callbacks.learning_curves import LearningCurves
from keras_trainkit.callbacks.learning_rate_finder import LearningRateFinder
from keras_trainkit.callbacks.learning_rate_logger import LearningRateLogger
from keras_trainkit.callbacks.snapshot_ensemble import SnapshotEnsemble
from keras_trainkit.callbacks.swap_averages import SwapAverages
from keras_trainkit.callbacks.time_stopping import TimeStopping
from keras_trainkit.callbacks.tqdm_progress_bar import TQDMProgressBar

__all__ = [
    "ActivationStatistics",
    "AverageModelCheckpoint",
    "InitialLossCheck",
    "LearningCurves",
    "LearningRateFinder",
    "LearningRateLogger",
    "SnapshotEnsemble",
    "SwapAverages",
    "TQDMProgressBar",
    "TimeStopping",
    "best_snapshot",
    "check_activations",
    "check_initial_loss",
    "find_learning_rate",
]
