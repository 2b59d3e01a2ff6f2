"""Which way is better, read off a metric's name."""

from __future__ import annotations

from keras_trainkit._core import arguments

_LESS = (
    *("loss", "error", "entropy", "hinge", "poisson", "divergence", "logcosh", "perplexity"),
    *("mse", "mae", "mape", "msle", "false_"),
)
_MORE = (
    *("acc", "auc", "precision", "recall", "score", "iou", "io_u", "dice", "correlation"),
    *("similarity", "sensitivity", "specificity", "true_"),
)


def direction(owner: object, argument: str, metric: str, mode: str) -> str:
    """`"min"` or `"max"`: `mode` where it says so, else by the words in the metric's name.

    Keras' own `mode="auto"` knows its own metrics only, and only after the first epoch; a
    function among the metrics stops the training there.
    """
    mode = arguments.one_of(owner, "mode", mode, ("auto", "min", "max"))
    if mode != "auto":
        return mode
    name = metric.lower()
    if any(word in name for word in _LESS):
        return "min"
    if any(word in name for word in _MORE):
        return "max"
    arguments.refuse(
        owner,
        argument,
        "have a name that tells whether more is better (such as 'loss' or 'accuracy')",
        metric,
        "Pass mode='max' or mode='min'.",
    )
