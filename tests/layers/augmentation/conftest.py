"""Fixtures: the regimes, layers that are built once, and ways round compiling."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import REGIMES, Regime
from sklearn.datasets import load_sample_image

from keras_trainkit._core import xla

_regimes = {name: Regime(name) for name in REGIMES}
_layers = {}


@pytest.fixture(params=REGIMES)
def regime(request):
    return _regimes[request.param]


@pytest.fixture
def eager():
    return _regimes["eager"]


@pytest.fixture
def layer_of():
    """Gives the layer of a row of `cases.py`, always the same one, so that its kernels stay."""

    def layer_of(case):
        if case.cls not in _layers:
            _layers[case.cls] = case.build()
        return _layers[case.cls]

    return layer_of


@pytest.fixture
def without_xla(monkeypatch):
    """As on a machine without XLA: graph functions throughout."""
    monkeypatch.setattr(xla, "xla_available", lambda: False)


@pytest.fixture
def uncompiled():
    """Operation by operation, so that new shapes cost nothing."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def photo():
    """(64, 96, 3) uint8, a part of a real photograph."""
    return np.ascontiguousarray(load_sample_image("china.jpg")[100:292:3, 100:388:3])
