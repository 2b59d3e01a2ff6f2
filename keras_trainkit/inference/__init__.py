"""What a prediction gains by averaging: over models, over views, over draws."""

from keras_trainkit.inference.averaged_predictor import AveragedPredictor
from keras_trainkit.inference.ensemble_report import EnsembleReport

__all__ = [
    "AveragedPredictor",
    "EnsembleReport",
]
