"""K-FAC's factors and the Fisher matrix in plain loops, from the papers."""

import numpy as np


def patches(images, size, strides, dilation, padding):
    """What a convolution's kernel sees: (n, rows, columns, height * width * channels)."""
    if padding == "same":
        around = [(0, 0)]
        for side, extent, stride, rate in zip(
            images.shape[1:3], size, strides, dilation, strict=True
        ):
            wanted = max((-(-side // stride) - 1) * stride + (extent - 1) * rate + 1 - side, 0)
            around.append((wanted // 2, wanted - wanted // 2))
        images = np.pad(images, [*around, (0, 0)])
    height, width = (
        (side - (extent - 1) * rate - 1) // stride + 1
        for side, extent, stride, rate in zip(
            images.shape[1:3], size, strides, dilation, strict=True
        )
    )
    seen = np.empty((len(images), height, width, *size, images.shape[-1]))
    for row, column, i, j in np.ndindex(height, width, *size):
        y, x = row * strides[0] + i * dilation[0], column * strides[1] + j * dilation[1]
        seen[:, row, column, i, j] = images[:, y, x]
    return seen.reshape(len(images), height, width, -1)


def factors(inputs, back, bias):
    """A and G of inputs (n, ..., a) and gradients (n, ..., g): KFC's sum and mean over places."""
    n, places = len(inputs), int(np.prod(inputs.shape[1:-1]))
    a = g = 0
    for example in range(n):
        for x, d in zip(
            inputs[example].reshape(places, -1), back[example].reshape(places, -1), strict=True
        ):
            x = np.append(x, 1) if bias else x
            a, g = a + np.outer(x, x) / n, g + np.outer(d, d) / (n * places)
    return a, g


def damped_inverses(a, g, damping):
    """Martens and Grosse, section 6.3."""
    pi = np.sqrt(np.trace(a) / len(a) / (np.trace(g) / len(g)))
    return (
        np.linalg.inv(a + pi * np.sqrt(damping) * np.eye(len(a))),
        np.linalg.inv(g + np.sqrt(damping) / pi * np.eye(len(g))),
    )


def fisher_of_two_layers(x, first, second):
    """Of tanh(x, 1) first, then the softmax of (h, 1) second: E over y of the outer products.

    One example; the gradients of log p(y) are with respect to the rows of `first`, then `second`.
    """
    x = np.append(x, 1)
    h = np.append(np.tanh(x @ first), 1)
    z = h @ second
    p = np.exp(z - z.max())
    p /= p.sum()
    fisher = 0
    for y in range(len(p)):
        out = np.eye(len(p))[y] - p
        inner = (second @ out)[:-1] * (1 - h[:-1] ** 2)
        gradient = np.concatenate([np.outer(x, inner).ravel(), np.outer(h, out).ravel()])
        fisher = fisher + p[y] * np.outer(gradient, gradient)
    return fisher
