"""Every layer under a flat name: augmentation for `tf.data`, regularisation for models."""

from keras_trainkit.layers.augmentation.color.normalization import Normalization
from keras_trainkit.layers.augmentation.color.pca_color_jitter import PCAColorJitter
from keras_trainkit.layers.augmentation.color.random_brightness import RandomBrightness
from keras_trainkit.layers.augmentation.color.random_color_jitter import RandomColorJitter
from keras_trainkit.layers.augmentation.color.random_contrast import RandomContrast
from keras_trainkit.layers.augmentation.color.random_grayscale import RandomGrayscale
from keras_trainkit.layers.augmentation.color.random_hue import RandomHue
from keras_trainkit.layers.augmentation.color.random_saturation import RandomSaturation
from keras_trainkit.layers.augmentation.filters.random_gaussian_blur import RandomGaussianBlur
from keras_trainkit.layers.augmentation.filters.random_sharpness import RandomSharpness
from keras_trainkit.layers.augmentation.geometry.center_crop import CenterCrop
from keras_trainkit.layers.augmentation.geometry.multi_crop import MultiCrop
from keras_trainkit.layers.augmentation.geometry.random_affine import RandomAffine
from keras_trainkit.layers.augmentation.geometry.random_crop import RandomCrop
from keras_trainkit.layers.augmentation.geometry.random_flip import RandomFlip
from keras_trainkit.layers.augmentation.geometry.random_lens_distortion import RandomLensDistortion
from keras_trainkit.layers.augmentation.geometry.random_perspective import RandomPerspective
from keras_trainkit.layers.augmentation.geometry.random_resized_crop import RandomResizedCrop
from keras_trainkit.layers.augmentation.geometry.random_rotation import RandomRotation
from keras_trainkit.layers.augmentation.geometry.random_scale_crop import RandomScaleCrop
from keras_trainkit.layers.augmentation.geometry.random_shear import RandomShear
from keras_trainkit.layers.augmentation.geometry.random_translation import RandomTranslation
from keras_trainkit.layers.augmentation.geometry.random_zoom import RandomZoom
from keras_trainkit.layers.augmentation.geometry.resizing import Resizing
from keras_trainkit.layers.augmentation.masks.cutout import Cutout
from keras_trainkit.layers.augmentation.masks.grid_mask import GridMask
from keras_trainkit.layers.augmentation.masks.random_erasing import RandomErasing
from keras_trainkit.layers.augmentation.mixes.cut_mix import CutMix
from keras_trainkit.layers.augmentation.mixes.mix_up import MixUp
from keras_trainkit.layers.augmentation.pipeline import Pipeline
from keras_trainkit.layers.augmentation.policies.aug_mix import AugMix
from keras_trainkit.layers.augmentation.policies.auto_augment import AutoAugment
from keras_trainkit.layers.augmentation.policies.rand_augment import RandAugment
from keras_trainkit.layers.augmentation.policies.trivial_augment import TrivialAugment
from keras_trainkit.layers.augmentation.random_apply import RandomApply
from keras_trainkit.layers.augmentation.random_choice import RandomChoice
from keras_trainkit.layers.augmentation.tone.auto_contrast import AutoContrast
from keras_trainkit.layers.augmentation.tone.equalization import Equalization
from keras_trainkit.layers.augmentation.tone.random_gamma import RandomGamma
from keras_trainkit.layers.augmentation.tone.random_invert import RandomInvert
from keras_trainkit.layers.augmentation.tone.random_posterization import RandomPosterization
from keras_trainkit.layers.augmentation.tone.solarization import Solarization
from keras_trainkit.layers.regularization.drop_block_2d import DropBlock2D
from keras_trainkit.layers.regularization.drop_connect import DropConnect
from keras_trainkit.layers.regularization.drop_path import DropPath
from keras_trainkit.layers.regularization.fractional_max_pooling_2d import FractionalMaxPooling2D
from keras_trainkit.layers.regularization.maxout import Maxout
from keras_trainkit.layers.regularization.skippable_block import SkippableBlock
from keras_trainkit.layers.regularization.stochastic_depth import StochasticDepth, linear_decay

__all__ = [
    "AugMix",
    "AutoAugment",
    "AutoContrast",
    "CenterCrop",
    "CutMix",
    "Cutout",
    "DropBlock2D",
    "DropConnect",
    "DropPath",
    "Equalization",
    "FractionalMaxPooling2D",
    "GridMask",
    "Maxout",
    "MixUp",
    "MultiCrop",
    "Normalization",
    "PCAColorJitter",
    "Pipeline",
    "RandAugment",
    "RandomAffine",
    "RandomApply",
    "RandomBrightness",
    "RandomChoice",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomLensDistortion",
    "RandomPerspective",
    "RandomPosterization",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSaturation",
    "RandomScaleCrop",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "SkippableBlock",
    "Solarization",
    "StochasticDepth",
    "TrivialAugment",
    "linear_decay",
]
