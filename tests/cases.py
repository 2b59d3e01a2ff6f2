"""One row for each public class; `test_laws.py` holds every row to the laws of its kind.

A public class without a row here fails the suite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras

from keras_trainkit import (
    callbacks,
    datasets,
    inference,
    layers,
    optimizers,
    presets,
    schedules,
    tuning,
)


@dataclass(frozen=True)
class Case:
    """A public class, arguments that construct it, and what the laws need to know of it."""

    cls: type
    arguments: dict[str, Any] = field(default_factory=dict)

    def build(self, **overrides):
        return self.cls(**{**self.arguments, **overrides})

    def __str__(self):
        return self.cls.__name__


@dataclass(frozen=True)
class AugmentationCase(Case):
    """An augmentation; its laws stand in `layers/augmentation/test_augmentation_laws.py`."""

    certain: bool = False
    """Whether it acts without chance, and so at evaluation too."""
    moves_whole_pixels: bool = False
    """Whether every value of the result stood in the input, or is a constant."""
    resizes: bool = False
    """Whether it resizes, at evaluation too."""
    mixes: bool = False
    """Whether images and labels of a batch meet."""
    gives_float: bool = False
    """Whether it promises float32."""
    channels: tuple[int, ...] = (1, 2, 3, 4, 5)
    """The numbers of channels that it takes."""
    smallest: tuple[int, int] = (1, 1)
    """The smallest (height, width) of images that it takes."""


SCHEDULES: list[Case] = [
    Case(schedules.Constant, {"learning_rate": 0.1}),
    Case(schedules.CosineDecay, {"initial_learning_rate": 0.1, "decay_steps": 40, "alpha": 0.1}),
    Case(
        schedules.Cyclical,
        {
            "base_learning_rate": 0.01,
            "max_learning_rate": 0.1,
            "step_size": 7,
            "mode": "exp_range",
            "gamma": 0.99,
        },
    ),
    Case(schedules.InverseSqrtDecay, {"initial_learning_rate": 0.1}),
    Case(
        schedules.Join,
        {"schedules": [(0.1, 10), (schedules.Warmup(schedules.LinearDecay(0.1, 30), 5), 30)]},
    ),
    Case(schedules.LinearDecay, {"initial_learning_rate": 0.1, "decay_steps": 40}),
    Case(schedules.OneCycle, {"max_learning_rate": 0.1, "total_steps": 40, "three_phase": True}),
    Case(schedules.StepDecay, {"initial_learning_rate": 0.1, "boundaries": [10, 20, 30]}),
    Case(schedules.WarmRestarts, {"schedule": schedules.CosineDecay(0.1, 9), "steps": 9}),
    Case(
        schedules.Warmup,
        {
            "schedule": keras.optimizers.schedules.CosineDecay(0.1, 40),
            "steps": 5,
            "start": 0.01,
            "shift": True,
        },
    ),
]

OPTIMIZERS: list[Case] = [
    Case(optimizers.AdaBelief, {"learning_rate": 0.01, "rectify": True}),
    Case(optimizers.Adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.1}),
    Case(optimizers.Adam, {"learning_rate": 0.01, "bias_correction": False}),
    Case(optimizers.COCOB, {"alpha": 10.0}),
    Case(optimizers.ConditionalGradient, {"learning_rate": 0.01, "lambda_": 5.0}),
    Case(
        optimizers.LAMB,
        {"learning_rate": 0.01, "exclude_from_layer_adaptation": ("bias", "gamma", "beta")},
    ),
    Case(
        optimizers.LARS,
        {
            "learning_rate": 0.1,
            "trust_coefficient": 0.1,
            "nesterov": True,
            "exclude_from_layer_adaptation": ["bias"],
        },
    ),
    Case(optimizers.LazyAdam, {"learning_rate": 0.01, "beta_2": 0.99}),
    Case(optimizers.NovoGrad, {"learning_rate": 0.01, "grad_averaging": True}),
    Case(optimizers.ProximalAdagrad, {"learning_rate": 0.1, "l1_regularization_strength": 0.001}),
    Case(optimizers.RMSprop, {"learning_rate": 0.01, "momentum": 0.9, "centered": True}),
    Case(optimizers.RectifiedAdam, {"learning_rate": 0.01, "sma_threshold": 4.0}),
    Case(optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    Case(optimizers.Yogi, {"learning_rate": 0.01, "bias_correction": False}),
]

QUASI_NEWTON: list[Case] = [
    Case(optimizers.BFGS, {"learning_rate": 0.5, "gradient_accumulation_steps": 2}),
    Case(optimizers.LBFGS, {"learning_rate": 0.5, "history": 4}),
]

NEWTON: list[Case] = [
    Case(
        optimizers.KFAC,
        {
            "model": keras.Sequential([keras.layers.Dense(1)]),
            "damping": 0.5,
            "kl_clip": 0.25,
            "inverse_every": 3,
            "decay": 0.5,
            "seed": 7,
        },
    ),
    Case(optimizers.Newton, {"model": keras.Sequential([keras.layers.Dense(1)]), "damping": 0.5}),
]

WRAPPERS: list[Case] = [
    Case(
        optimizers.Lookahead,
        {"optimizer": optimizers.Adam(0.01), "sync_period": 2, "slow_step_size": 0.25},
    ),
    Case(
        optimizers.MovingAverage,
        {
            "optimizer": keras.optimizers.Adam(0.01),
            "average_decay": 0.75,
            "start_step": 1,
            "dynamic_decay": True,
        },
    ),
    Case(
        optimizers.SWA,
        {
            "optimizer": optimizers.SGD(0.1, momentum=0.9),
            "start_averaging": 1,
            "average_period": 2,
        },
    ),
]

REGULARIZATION: list[Case] = [
    Case(layers.DropBlock2D, {"rate": 0.2, "block_size": (2, 3), "per": "image", "seed": 3}),
    Case(layers.DropPath, {"rate": 0.2, "seed": 3}),
    Case(
        layers.FractionalMaxPooling2D,
        {
            "pooling_ratio": (1.25, 1.5),
            "pseudo_random": True,
            "overlapping": True,
            "draw_at_test": True,
            "seed": 3,
            "data_format": "channels_first",
        },
    ),
    Case(
        layers.DropConnect,
        {
            "layer": keras.layers.Dense(3, activation="tanh"),
            "rate": 0.3,
            "per": "example",
            "method": "gaussian",
            "mask_bias": False,
            "inference": "moments",
            "seed": 3,
        },
    ),
    Case(layers.Maxout, {"units": 4, "pieces": 3, "use_bias": False}),
    Case(
        layers.SkippableBlock,
        {
            "block": keras.layers.Dense(3, name="block"),
            "survival_probability": 0.8,
            "shortcut": keras.layers.Dense(3, name="shortcut"),
            "scaling": "inverted",
            "skip": True,
            "seed": 3,
        },
    ),
    Case(
        layers.StochasticDepth,
        {"survival_probability": 0.8, "per": "batch", "scaling": "inverted", "seed": 3},
    ),
]

VIEWS: list[Case] = [
    Case(layers.MultiCrop, {"size": 8, "short_sides": (9, 12), "crops": 5}),
]

CALLBACKS: list[Case] = [
    Case(
        callbacks.ActivationStatistics,
        {"data": [], "path": "activations.png", "each_epoch": True, "examples": 32, "verbose": 0},
    ),
    Case(
        callbacks.AverageModelCheckpoint,
        {
            "update_weights": True,
            "filepath": "average.keras",
            "monitor": "val_accuracy",
            "save_best_only": True,
            "mode": "max",
            "save_freq": 20,
        },
    ),
    Case(callbacks.InitialLossCheck, {"data": [], "classes": 10, "examples": 64, "verbose": 0}),
    Case(
        callbacks.LearningCurves,
        {"path": "curves.png", "every": 5.0, "metric": "accuracy", "batches_per_point": 2},
    ),
    Case(
        callbacks.LearningRateFinder,
        {"data": [], "iterations": 20, "rates": (0.1, 0.01), "batch_size": 8, "seed": 3}
        | {"verbose": 0},
    ),
    Case(callbacks.LearningRateLogger),
    Case(callbacks.SnapshotEnsemble, {"directory": "snapshots", "cycle_steps": 40, "last": 5}),
    Case(callbacks.SwapAverages),
    Case(
        callbacks.TQDMProgressBar,
        {
            "metrics_separator": ", ",
            "metrics_format": "{name} {value:.3f}",
            "update_per_second": 2.0,
            "leave_epoch_progress": False,
            "show_overall_progress": False,
        },
    ),
    Case(callbacks.TimeStopping, {"seconds": 60.0, "verbose": 1, "at": "epoch"}),
]

INFERENCE: list[Case] = [
    Case(
        inference.AveragedPredictor,
        {
            "models": keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]),
            "views": "flips",
            "draws": 2,
            "average": "logits",
            "from_logits": True,
            "noise": (keras.layers.Dropout,),
            "seed": 3,
        },
    ),
    Case(
        inference.EnsembleReport,
        {
            "names": ("a",),
            "accuracies": (0.5,),
            "losses": (0.7,),
            "calibrations": (),
            "averaged_accuracies": (0.5,),
            "averaged_losses": (0.7,),
        },
    ),
]

GREY_TOO = (1, 3, 4)
RGB = (3, 4)
NO_ALPHA = (1, 3)

AUGMENTATION: list[AugmentationCase] = [
    AugmentationCase(
        layers.AugMix, {"num_chains": 2, "chain_depth": 2, "all_ops": True}, channels=NO_ALPHA
    ),
    AugmentationCase(layers.AutoAugment, {"policy": "cifar10"}, channels=NO_ALPHA),
    AugmentationCase(layers.AutoContrast, certain=True),
    AugmentationCase(
        layers.CenterCrop,
        {"height": 9, "width": 8},
        certain=True,
        moves_whole_pixels=True,
        smallest=(9, 8),
    ),
    AugmentationCase(layers.CutMix, {"alpha": 0.8, "num_classes": 10}, mixes=True),
    AugmentationCase(
        layers.Cutout, {"size": (4, 3), "fill": 9, "mask_fill": 1}, moves_whole_pixels=True
    ),
    AugmentationCase(layers.Equalization, certain=True),
    AugmentationCase(
        layers.GridMask,
        {"period": (3, 6), "ratio": 0.4, "rotation_factor": 0.1, "mask_fill": 255},
        moves_whole_pixels=True,
    ),
    AugmentationCase(
        layers.MixUp,
        {"alpha": 0.4, "num_classes": 10, "per": "image"},
        mixes=True,
        gives_float=True,
    ),
    AugmentationCase(
        layers.Normalization,
        {"mean": (120.0, 110.0, 100.0), "variance": (3600.0, 2500.0, 4900.0)},
        certain=True,
        gives_float=True,
        channels=(3,),
    ),
    AugmentationCase(layers.PCAColorJitter, {"sigma": 0.3, "p": 0.9}, channels=RGB),
    AugmentationCase(
        layers.Pipeline,
        {
            "layers": [
                layers.RandomCrop(9, 8, padding=2),
                layers.RandomFlip(),
                layers.RandomRotation(0.1),
                layers.RandomBrightness(0.2),
                layers.RandomContrast(0.3),
                layers.Cutout(3),
            ],
            "fill_mode": "constant",
            "fill_value": 7,
        },
        channels=GREY_TOO,
        smallest=(5, 4),
    ),
    AugmentationCase(layers.RandAugment, {"num_ops": 2, "magnitude": 12.5}, channels=NO_ALPHA),
    AugmentationCase(
        layers.RandomAffine,
        {
            "rotation_factor": 0.1,
            "shear_factor": 0.2,
            "zoom_factor": (-0.3, 0.9),
            "translation_factor": 0.1,
        },
    ),
    AugmentationCase(
        layers.RandomApply,
        {
            "layers": [layers.RandomFlip("horizontal"), layers.RandomBrightness(0.3, p=0.9)],
            "p": 0.7,
        },
        channels=GREY_TOO,
    ),
    AugmentationCase(layers.RandomBrightness, {"factor": (-0.4, 0.3)}, channels=GREY_TOO),
    AugmentationCase(
        layers.RandomChoice,
        {
            "layers": [
                layers.RandomRotation(0.1),
                layers.Pipeline([layers.RandomZoom(0.2), layers.RandomContrast(0.3)]),
                layers.Cutout(3),
            ],
            "probabilities": (1.0, 2.0, 0.5),
        },
        channels=GREY_TOO,
    ),
    AugmentationCase(
        layers.RandomColorJitter,
        {
            "brightness_factor": 0.2,
            "contrast_factor": (0.4, 0.2),
            "saturation_factor": (0.4, 0.6),
            "hue_factor": 0.1,
        },
        channels=RGB,
    ),
    AugmentationCase(layers.RandomContrast, {"factor": 0.5}, channels=GREY_TOO),
    AugmentationCase(
        layers.RandomCrop,
        {"height": 9, "width": 8, "padding": 2},
        moves_whole_pixels=True,
        smallest=(5, 4),
    ),
    AugmentationCase(
        layers.RandomErasing,
        {"scale": (0.1, 0.5), "ratio": (0.2, 4.0), "mask_fill": 255},
        moves_whole_pixels=True,
    ),
    AugmentationCase(layers.RandomFlip, moves_whole_pixels=True),
    AugmentationCase(layers.RandomGamma, {"factor": 2.0}),
    AugmentationCase(
        layers.RandomGaussianBlur,
        {"factor": (0.8, 1.0), "kernel_size": (5, 3), "sigma": (0.1, 2.0)},
    ),
    AugmentationCase(layers.RandomGrayscale, channels=RGB),
    AugmentationCase(layers.RandomHue, {"factor": (0.1, 0.5)}, channels=RGB),
    AugmentationCase(layers.RandomLensDistortion, {"k1": (-0.2, 0.6), "k2": 0.02}),
    AugmentationCase(
        layers.RandomPerspective, {"factor": (1, 1), "scale": 0.6, "fill_mode": "constant"}
    ),
    AugmentationCase(layers.RandomInvert, {"factor": 0.6}),
    AugmentationCase(layers.RandomPosterization, {"factor": (1, 5)}),
    AugmentationCase(layers.RandomResizedCrop, {"height": 9, "width": 8, "scale": (0.1, 0.9)}),
    AugmentationCase(layers.RandomRotation, {"factor": 0.2, "fill_mode": "nearest"}),
    AugmentationCase(layers.RandomSaturation, {"factor": 0.9}, channels=RGB),
    AugmentationCase(layers.RandomScaleCrop, {"size": (9, 8), "short_side": (9, 12)}, resizes=True),
    AugmentationCase(layers.RandomSharpness, {"factor": 1.0}),
    AugmentationCase(layers.RandomShear, {"x_factor": 0.3, "y_factor": (0.1, 0.2)}),
    AugmentationCase(
        layers.RandomTranslation,
        {"height_factor": 0.3, "width_factor": (0.1, 0.2), "fill_mode": "wrap"},
    ),
    AugmentationCase(layers.RandomZoom, {"height_factor": (-0.3, 0.6), "width_factor": 0.2}),
    AugmentationCase(
        layers.Resizing,
        {"height": 9, "width": 8, "pad_to_aspect_ratio": True},
        certain=True,
        resizes=True,
    ),
    AugmentationCase(layers.Solarization, {"addition_factor": 0.3, "threshold_factor": (0.2, 0.9)}),
    AugmentationCase(layers.TrivialAugment, channels=NO_ALPHA),
]

DATA: list[Case] = [
    Case(datasets.Splits, {"train": (), "validation": (), "test": (), "class_names": ("a", "b")}),
    Case(
        presets.ImageFileRecipe,
        {
            "crop": layers.Pipeline([layers.RandomScaleCrop(16, (20, 30))]),
            "pipeline": layers.Pipeline([layers.RandomHue(0.1)]),
            "schedule": schedules.CosineDecay(0.1, 40),
            "optimizer": optimizers.SGD(0.1),
            "loss": "sparse_categorical_crossentropy",
            "epochs": 2,
            "batch_size": 8,
            "steps_per_epoch": 20,
            "num_classes": 4,
            "on_error": "skip",
        },
    ),
    Case(
        presets.Recipe,
        {
            "pipeline": layers.Pipeline([layers.RandomFlip(), layers.MixUp(num_classes=10)]),
            "schedule": schedules.CosineDecay(0.1, 40),
            "optimizer": optimizers.SGD(0.1),
            "loss": "categorical_crossentropy",
            "epochs": 2,
            "batch_size": 8,
            "steps_per_epoch": 20,
            "last_survival_probability": 0.5,
        },
    ),
    Case(tuning.Choice, {"choices": ["sgd", "adam"]}),
    Case(tuning.IntUniform, {"low": 8, "high": 64}),
    Case(tuning.LogUniform, {"low": 1e-4, "high": 1e-1}),
    Case(tuning.Uniform, {"low": 0.0, "high": 0.5}),
]
