"""L-BFGS, BFGS and the gradient-only line search in plain loops, from the papers."""

import numpy as np


def evaluated_points(gradient, start, evaluations, inverse_times, history=None):
    """The points at which the gradient is evaluated.

    `inverse_times(pairs, g)` is the product of the inverse Hessian that the pairs (s, y) tell of.
    """
    points = []

    def at(x):
        points.append(x)
        return gradient(x)

    x, pairs = np.array(start), []
    g = at(x)
    while len(points) < evaluations:
        d = -inverse_times(pairs, g) if pairs else -g / max(np.linalg.norm(g), 1)
        t, low, low_slope, high, high_slope = 1.0, 0.0, g @ d, np.inf, np.inf
        while True:
            new = at(x + t * d)
            slope = new @ d
            if abs(slope) <= 0.9 * abs(g @ d):
                break
            if slope < 0:
                secant = t - slope * (t - low) / (slope - low_slope)
                if slope <= low_slope:
                    secant = np.inf
                before, low, low_slope = t, t, slope
                if high == np.inf:
                    t = min(max(secant, 2 * before), 10 * before)
                    continue
            else:
                high, high_slope = t, slope
            t = low - low_slope * (high - low) / (high_slope - low_slope)
            width = high - low
            t = min(max(t, low + 0.2 * width), high - 0.2 * width)
        pair = t * d, new - g
        if pair[0] @ pair[1] > 2.3e-16 * pair[1] @ pair[1]:
            pairs = [*pairs, pair][-(history or 10**9) :]
        x, g = x + t * d, new
    return np.array(points[:evaluations])


def lbfgs_inverse_times(pairs, g):
    """Liu and Nocedal 1989, as the recursion H = V' H V + r s s', unrolled by calling itself."""
    s, y = pairs[-1]
    gamma = s @ y / (y @ y)

    def product(pairs, q):
        if not pairs:
            return gamma * q
        (s, y), r = pairs[-1], 1 / (pairs[-1][0] @ pairs[-1][1])
        inner = product(pairs[:-1], q - r * y * (s @ q))
        return inner - r * s * (y @ inner) + r * s * (s @ q)

    return product(pairs, g)


def bfgs_inverse_times(pairs, g):
    """Nocedal and Wright, equation 6.17, the matrices written out; Al-Baali 1998's scaling."""
    s, y = pairs[0]
    identity = np.eye(len(g))
    h = s @ y / (y @ y) * identity
    for number, (s, y) in enumerate(pairs, start=1):
        if 1 < number <= len(g) / 2:
            h = h / min(1, s @ y / (s @ np.linalg.solve(h, s)))
        r = 1 / (s @ y)
        left = identity - r * np.outer(s, y)
        h = left @ h @ left.T + r * np.outer(s, s)
    return h @ g
