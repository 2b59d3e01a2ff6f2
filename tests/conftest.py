"""What holds for every test."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is imported
os.environ.setdefault("MPLBACKEND", "agg")

import keras
import pytest


@pytest.fixture(autouse=True)
def start_of_chance():
    """No test's outcome depends on which tests ran before it."""
    keras.utils.set_random_seed(20)
