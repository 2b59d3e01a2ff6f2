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


def radam(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    sma_threshold=5.0,
    weight_decay=0.0,
):
    """Liu 2020, Algorithm 2, with the threshold and the epsilon of its authors' code."""
    m, s = np.zeros_like(w), np.zeros_like(w)

    def step(g, a, t):
        m[...] = beta_1 * m + (1 - beta_1) * g
        s[...] = beta_2 * s + (1 - beta_2) * g**2
        first = m / (1 - beta_1**t)
        factor = _rectification(beta_2, t, sma_threshold)
        if factor is None:
            return a * first
        return a * factor * first / (np.sqrt(s / (1 - beta_2**t)) + epsilon)

    return _descend(w, gradients, rates, weight_decay, step)


def _rectification(beta_2, t, threshold):
    rho_inf = 2 / (1 - beta_2) - 1
    rho = rho_inf - 2 * t * beta_2**t / (1 - beta_2**t)
    if rho < threshold:
        return None
    return np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def adabelief(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-14,
    rectify=False,
    weight_decay=0.0,
):
    """Zhuang 2020, Algorithm 2; rectified as by its authors."""
    m, s = np.zeros_like(w), np.zeros_like(w)

    def step(g, a, t):
        m[...] = beta_1 * m + (1 - beta_1) * g
        s[...] = beta_2 * s + (1 - beta_2) * (g - m) ** 2 + epsilon
        first = m / (1 - beta_1**t)
        factor = _rectification(beta_2, t, 5.0) if rectify else 1.0
        if factor is None:
            return a * first
        return a * factor * first / (np.sqrt(s / (1 - beta_2**t)) + epsilon)

    return _descend(w, gradients, rates, weight_decay, step)


def yogi(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-3,
    initial_accumulator_value=1e-6,
    bias_correction=True,
    weight_decay=0.0,
):
    """Zaheer 2018, Algorithm 2; corrected as by its authors' code."""
    m, s = np.zeros_like(w), np.full(np.shape(w), initial_accumulator_value)

    def step(g, a, t):
        m[...] = beta_1 * m + (1 - beta_1) * g
        s[...] = s - (1 - beta_2) * np.sign(s - g**2) * g**2
        c = np.sqrt(1 - beta_2**t) / (1 - beta_1**t) if bias_correction else 1.0
        return a * c * m / (np.sqrt(s) + epsilon)

    return _descend(w, gradients, rates, weight_decay, step)


def novograd(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    grad_averaging=False,
    weight_decay=0.0,
):
    """Ginsburg 2019, Algorithm 1, for one layer."""
    w, path = np.array(w, "float64"), []
    m, s = np.zeros_like(w), None
    for g, a in zip(gradients, rates, strict=True):
        square = np.sum(np.array(g, "float64") ** 2)
        s = square if s is None else beta_2 * s + (1 - beta_2) * square
        pull = g / (np.sqrt(s) + epsilon) + weight_decay * w
        m = beta_1 * m + ((1 - beta_1) * pull if grad_averaging else pull)
        w = w - a * m
        path.append(w)
    return path


def lamb(
    w,
    gradients,
    rates,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    exclude_from_layer_adaptation=(),
    weight_decay=0.0,
):
    """You 2020, Algorithm 2, for one layer, with phi(z) = z."""
    w, path = np.array(w, "float64"), []
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, (g, a) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * np.array(g, "float64") ** 2
        r = m / (1 - beta_1**t) / (np.sqrt(s / (1 - beta_2**t)) + epsilon) + weight_decay * w
        ratio = np.sqrt(np.sum(w**2)) / np.sqrt(np.sum(r**2))
        w = w - a * (1.0 if exclude_from_layer_adaptation else ratio) * r
        path.append(w)
    return path


def lars(
    w,
    gradients,
    rates,
    momentum=0.9,
    trust_coefficient=1e-3,
    nesterov=False,
    exclude_from_layer_adaptation=(),
    weight_decay=0.0,
):
    """You 2017, Algorithm 1, for one layer; Nesterov's as of Sutskever's rearranged form."""
    w, path = np.array(w, "float64"), []
    v = np.zeros_like(w)
    for g, a in zip(gradients, rates, strict=True):
        g = np.array(g, "float64")
        size = np.sqrt(np.sum(w**2))
        local = trust_coefficient * size / (np.sqrt(np.sum(g**2)) + weight_decay * size)
        pull = a * (1.0 if exclude_from_layer_adaptation else local) * (g + weight_decay * w)
        v = momentum * v + pull
        w = w - (momentum * v + pull if nesterov else v)
        path.append(w)
    return path


def cocob(w, gradients, rates, alpha=100.0, weight_decay=0.0):
    """Orabona and Tommasi 2017, Algorithm 2; a rate other than 1 shortens each move."""
    first = np.array(w, "float64")
    w, path = first, []
    largest, total = np.full(np.shape(w), 1e-8), np.zeros_like(first)
    reward, theta = np.zeros_like(first), np.zeros_like(first)
    for g, a in zip(gradients, rates, strict=True):
        g = np.array(g, "float64")
        largest = np.maximum(largest, np.abs(g))
        total = total + np.abs(g)
        reward = np.maximum(reward + (w - first) * -g, 0)
        theta = theta - g
        share = theta / (largest * np.maximum(total + largest, alpha * largest))
        bet = first + share * (largest + reward)
        w = w - a * weight_decay * w + a * (bet - w)
        path.append(w)
    return path


def conditional_gradient(
    w, gradients, rates, lambda_=10.0, ord="fro", epsilon=1e-7, weight_decay=0.0
):
    """Jaggi 2013, Algorithm 1: x = (1 - a) x + a s, with s the best point of the ball."""
    w, path = np.array(w, "float64"), []
    for g, a in zip(gradients, rates, strict=True):
        g = np.array(g, "float64")
        if ord == "fro":
            s = -lambda_ * g / (np.linalg.norm(g) + epsilon)
        else:
            u, sizes, vt = np.linalg.svd(g.reshape(-1, g.shape[-1] if g.ndim > 1 else 1))
            share = sizes[0] / (sizes[0] + epsilon)
            s = -lambda_ * share * np.outer(u[:, 0], vt[0]).reshape(g.shape)
        w = (1 - a) * w + a * s - a * weight_decay * w
        path.append(w)
    return path


def proximal_adagrad(
    w,
    gradients,
    rates,
    initial_accumulator_value=0.1,
    l1_regularization_strength=0.0,
    l2_regularization_strength=0.0,
    weight_decay=0.0,
):
    """Duchi 2011, section 5.1: the minimum of the penalised step, found by its cases."""
    w, path = np.array(w, "float64"), []
    s = np.full(np.shape(w), initial_accumulator_value)
    l1, l2 = l1_regularization_strength, l2_regularization_strength
    for g, a in zip(gradients, rates, strict=True):
        s = s + np.array(g, "float64") ** 2
        r = a / np.sqrt(s)
        y = w - r * g
        right, left = (y - r * l1) / (1 + r * l2), (y + r * l1) / (1 + r * l2)
        w = np.where(right > 0, right, np.where(left < 0, left, 0.0)) - a * weight_decay * w
        path.append(w)
    return path


def lookahead(w, gradients, rates, period=6, share=0.5, rho=0.9):
    """Zhang 2019, Algorithm 1, round the lecture's momentum."""
    slow, v, path = np.array(w, "float64"), np.zeros_like(w), []
    fast = slow
    for t, (g, a) in enumerate(zip(gradients, rates, strict=True), start=1):
        v = rho * v + g
        fast = fast - a * v
        if t % period == 0:
            slow = fast = slow + share * (fast - slow)
        path.append(fast)
    return path


def moving_average(path, decay, start=0, dynamic=False):
    """The exponential average of the points of a path, from the first one on."""
    average = None
    for n, x in enumerate(path, start=1 - start):
        d = min(decay, (1 + n) / (10 + n)) if dynamic and n > 1 else decay
        average = x if n <= 1 else d * average + (1 - d) * x
    return average


def swa(path, start, period):
    """Izmailov 2018: the mean of the points `start`, `start + period`, ... counted from 1."""
    return np.mean(
        [x for t, x in enumerate(path, 1) if t >= start and (t - start) % period == 0], 0
    )


def _descend(w, gradients, rates, weight_decay, step):
    w, path = np.array(w, "float64"), []
    for t, (g, a) in enumerate(zip(gradients, rates, strict=True), start=1):
        w = w - a * weight_decay * w - step(np.array(g, "float64"), a, t)
        path.append(w)
    return path
