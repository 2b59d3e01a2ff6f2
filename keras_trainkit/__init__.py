"""How to train a neural network well, as parts that plug into Keras 3 and `tf.data`."""

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as _error:
    _missing = (_error.name or "").partition(".")[0]
    if _missing == "keras":
        _sentence = (
            "keras_trainkit needs Keras 3, which is not installed: pip install 'keras>=3.12'"
        )
    elif _missing in {"tensorflow", "jax", "torch"}:
        _sentence = (
            f"keras_trainkit needs {_missing}, the backend that Keras is set to, and it is not "
            "installed: pip install 'keras_trainkit[tensorflow]', or set KERAS_BACKEND to the "
            "one that is"
        )
    else:
        raise  # a broken install: its own message says more than ours would
    raise ModuleNotFoundError(_sentence, name=_missing) from None

# All rooms, so that `import keras_trainkit` is enough for `keras.models.load_model`.
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
from keras_trainkit.version import __version__

__all__ = [
    "__version__",
    "callbacks",
    "datasets",
    "inference",
    "layers",
    "optimizers",
    "presets",
    "schedules",
    "tuning",
]
