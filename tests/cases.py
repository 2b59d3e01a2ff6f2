"""One row for each public class; `test_laws.py` holds every row to the laws of its kind.

A public class without a row here fails the suite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras

from keras_trainkit import callbacks, datasets, layers, optimizers, presets, schedules


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
    Case(
        layers.StochasticDepth,
        {"survival_probability": 0.8, "per": "batch", "scaling": "inverted", "seed": 3},
    ),
]

CALLBACKS: list[Case] = [
    Case(callbacks.InitialLossCheck, {"data": [], "classes": 10, "examples": 64, "verbose": 0}),
    Case(
        callbacks.LearningCurves,
        {"path": "curves.png", "every": 5.0, "metric": "accuracy", "batches_per_point": 2},
    ),
    Case(callbacks.LearningRateLogger),
]

GREY_TOO = (1, 3, 4)
RGB = (3, 4)

AUGMENTATION: list[AugmentationCase] = [
    AugmentationCase(layers.CutMix, {"alpha": 0.8, "num_classes": 10}, mixes=True),
    AugmentationCase(layers.Cutout, {"size": (4, 3), "fill": 9}, moves_whole_pixels=True),
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
    AugmentationCase(layers.RandomFlip, moves_whole_pixels=True),
    AugmentationCase(layers.RandomHue, {"factor": (0.1, 0.5)}, channels=RGB),
    AugmentationCase(layers.RandomRotation, {"factor": 0.2, "fill_mode": "nearest"}),
    AugmentationCase(layers.RandomSaturation, {"factor": 0.9}, channels=RGB),
    AugmentationCase(layers.RandomShear, {"x_factor": 0.3, "y_factor": (0.1, 0.2)}),
    AugmentationCase(
        layers.RandomTranslation,
        {"height_factor": 0.3, "width_factor": (0.1, 0.2), "fill_mode": "wrap"},
    ),
    AugmentationCase(layers.RandomZoom, {"height_factor": (-0.3, 0.6), "width_factor": 0.2}),
]

DATA: list[Case] = [
    Case(datasets.Splits, {"train": (), "validation": (), "test": (), "class_names": ("a", "b")}),
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
]
