"""Losses of one vector, each a function to (value, gradient), in NumPy."""

import functools

import numpy as np
from scipy import optimize
from sklearn.datasets import load_digits


def rosenbrock(x):
    return optimize.rosen(x), optimize.rosen_der(x)


def rosenbrock_start(dimensions):
    return np.tile([-1.2, 1.0], dimensions // 2)


@functools.cache
def digits():
    """Images scaled to [0, 1], labels, and labels as rows of zeros and a one."""
    x, y = load_digits(return_X_y=True)
    return x / 16, y, np.eye(10)[y]


def _cross_entropy(logits, target):
    """The mean over the rows, and its gradient with respect to the logits."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(target * log_p, axis=1)), (np.exp(log_p) - target) / len(target)


def logistic(w, decay=1e-3):
    """Multinomial logistic regression on the digits, with an L2 term."""
    x, _, target = digits()
    x = np.hstack([x, np.ones((len(x), 1))])
    loss, d = _cross_entropy(x @ w.reshape(65, 10), target)
    return loss + decay / 2 * w @ w, (x.T @ d).ravel() + decay * w


def network(w, hidden=16):
    """One hidden layer of tanh on the digits: not convex."""
    x, _, target = digits()
    a, b, c, d = np.split(w, np.cumsum([64 * hidden, hidden, hidden * 10]))
    a, c = a.reshape(64, hidden), c.reshape(hidden, 10)
    h = np.tanh(x @ a + b)
    loss, out = _cross_entropy(h @ c + d, target)
    inner = out @ c.T * (1 - h**2)
    gradients = [x.T @ inner, inner.sum(axis=0), h.T @ out, out.sum(axis=0)]
    return loss, np.concatenate([g.ravel() for g in gradients])


def network_start(seed, hidden=16):
    """Glorot's uniform weights, and zero biases."""
    rng = np.random.default_rng(seed)
    a, c = np.sqrt(6 / (64 + hidden)), np.sqrt(6 / (hidden + 10))
    return np.concatenate(
        [
            rng.uniform(-a, a, 64 * hidden),
            np.zeros(hidden),
            rng.uniform(-c, c, hidden * 10),
            np.zeros(10),
        ]
    )
