"""Optimizers in slow float64 NumPy, each written from its paper.

Each takes the weights, the gradients of the steps and the rates of the steps, and returns the
weights after each step.
"""

import numpy as np


def sgd(w, gradients, rates, weight_decay=0.0):
    """x -= a g, and decoupled weight decay beside it."""
    return _descend(w, gradients, rates, weight_decay, lambda g, a, t: a * g)


def momentum(w, gradients, rates, rho=0.9, weight_decay=0.0):
    """The lecture: v = rho v + g; x -= a v."""
    v = np.zeros_like(w)

    def step(g, a, t):
        v[...] = rho * v + g
        return a * v

    return _descend(w, gradients, rates, weight_decay, step)


def momentum_of_steps(w, gradients, rates, rho=0.9, weight_decay=0.0):
    """Sutskever 2013, equations 1 and 2: v = rho v - a g; x += v."""
    v = np.zeros_like(w)

    def step(g, a, t):
        v[...] = rho * v - a * g
        return -v

    return _descend(w, gradients, rates, weight_decay, step)


def nesterov(w, gradients, rates, rho=0.9, weight_decay=0.0):
    """PyTorch's writing of the lecture's: v = rho v + g; x -= a (g + rho v)."""
    v = np.zeros_like(w)

    def step(g, a, t):
        v[...] = rho * v + g
        return a * (g + rho * v)

    return _descend(w, gradients, rates, weight_decay, step)


def nesterov_of_steps(w, gradients, rates, rho=0.9, weight_decay=0.0):
    """The rearranged form: v' = rho v - a g(y); y += v' + rho (v' - v)."""
    v = np.zeros_like(w)

    def step(g, a, t):
        old = v.copy()
        v[...] = rho * v - a * g
        return -(v + rho * (v - old))

    return _descend(w, gradients, rates, weight_decay, step)


def nesterov_ahead(x, gradient, rate, steps, rho):
    """Sutskever 2013, equations 3 and 4: v = rho v - a grad(x + rho v); x += v.

    Returns the points at which the gradient is taken: y = x + rho v.
    """
    v, points = np.zeros_like(x), []
    for _ in range(steps):
        v = rho * v - rate * gradient(x + rho * v)
        x = x + v
        points.append(x + rho * v)
    return points


def adam(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    bias_correction=True,
    weight_decay=0.0,
):
    """Kingma and Ba 2015, Algorithm 1."""
    m, s = np.zeros_like(w), np.zeros_like(w)

    def step(g, a, t):
        m[...] = beta_1 * m + (1 - beta_1) * g
        s[...] = beta_2 * s + (1 - beta_2) * g**2
        first, second = m, s
        if bias_correction:
            first, second = m / (1 - beta_1**t), s / (1 - beta_2**t)
        return a * first / (np.sqrt(second) + epsilon)

    return _descend(w, gradients, rates, weight_decay, step)


def adagrad(w, gradients, rates, start=0.0, epsilon=1e-7, weight_decay=0.0):
    """Duchi 2011: s += g^2; x -= a g / (sqrt(s) + epsilon)."""
    s = np.full(np.shape(w), start)

    def step(g, a, t):
        s[...] = s + g**2
        return a * g / (np.sqrt(s) + epsilon)

    return _descend(w, gradients, rates, weight_decay, step)


def rmsprop(
    w, gradients, rates, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=0.0
):
    """Tieleman and Hinton 2012; centred: Graves 2013, equation 38 (epsilon outside the root)."""
    s, m, v = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)

    def step(g, a, t):
        s[...] = rho * s + (1 - rho) * g**2
        m[...] = rho * m + (1 - rho) * g
        v[...] = momentum * v + g / (np.sqrt(s - centered * m**2) + epsilon)
        return a * v

    return _descend(w, gradients, rates, weight_decay, step)


def _descend(w, gradients, rates, weight_decay, step):
    w, path = np.array(w, "float64"), []
    for t, (g, a) in enumerate(zip(gradients, rates, strict=True), start=1):
        w = w - a * weight_decay * w - step(np.array(g, "float64"), a, t)
        path.append(w)
    return path
