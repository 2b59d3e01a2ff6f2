"""The one way in which a class of the kit is made known to `keras.saving`."""

from __future__ import annotations

import keras

PACKAGE = "keras_trainkit"
register = keras.saving.register_keras_serializable(package=PACKAGE)
