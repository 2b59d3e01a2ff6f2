"""The public names, pinned: adding or losing one is a decision."""

from types import ModuleType

import pytest
from rooms import ROOMS

import keras_trainkit

PINNED = {
    "callbacks": """
        ActivationStatistics AverageModelCheckpoint InitialLossCheck LearningCurves
        LearningRateFinder LearningRateLogger SnapshotEnsemble SwapAverages TQDMProgressBar
        TimeStopping best_snapshot check_activations check_initial_loss find_learning_rate
    """,
    "datasets": "Splits cifar10 digits_on_photos image_folder",
    "inference": "AveragedPredictor EnsembleReport",
    "layers": """
        AugMix AutoAugment AutoContrast CenterCrop CutMix Cutout DropBlock2D DropConnect
        DropPath Equalization FractionalMaxPooling2D GridMask Maxout MixUp MultiCrop
        Normalization PCAColorJitter Pipeline RandAugment RandomAffine RandomApply
        RandomBrightness RandomChoice RandomColorJitter RandomContrast RandomCrop
        RandomErasing RandomFlip RandomGamma RandomGaussianBlur RandomGrayscale RandomHue
        RandomInvert RandomLensDistortion RandomPerspective RandomPosterization
        RandomResizedCrop RandomRotation RandomSaturation RandomScaleCrop RandomSharpness
        RandomShear RandomTranslation RandomZoom Resizing SkippableBlock Solarization
        StochasticDepth TrivialAugment linear_decay
    """,
    "optimizers": """
        BFGS COCOB KFAC LAMB LARS LBFGS SGD SWA AdaBelief Adagrad Adam ConditionalGradient
        LazyAdam Lookahead MovingAverage Newton NovoGrad ProximalAdagrad RMSprop
        RectifiedAdam Yogi plot_trajectories renew_batch_normalization
    """,
    "presets": "ImageFileRecipe Recipe cifar imagenet_resnet small_images",
    "schedules": """
        Constant CosineDecay Cyclical InverseSqrtDecay Join LinearDecay OneCycle StepDecay
        WarmRestarts Warmup in_epochs linear_scaling plot
    """,
    "tuning": """
        Choice IntUniform LogUniform Uniform check_initial_loss coarse_search diagnose
        find_learning_rate overfit_small_sample refine_search run_all write_board
    """,
}


def test_the_public_names_are_these():
    offered = {name: set(room.__all__) for name, room in ROOMS.items()}
    assert offered == {name: set(names.split()) for name, names in PINNED.items()}


def test_the_package_offers_its_rooms():
    assert set(keras_trainkit.__all__) == {"__version__", *ROOMS}


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_a_room_lists_all_that_it_offers_once(room):
    offered = {
        name
        for name, value in vars(room).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert len(room.__all__) == len(offered)
    assert set(room.__all__) == offered
