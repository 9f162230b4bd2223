"""Logistic regression written out in NumPy with its whole Hessian, to hold probes to."""

from __future__ import annotations

import numpy as np


def standardised(x, fitted):
    """Return activations `[N, d]` less the fitted prompts' mean, over their spread; the spread."""
    mean, spread = x[fitted].mean(0), x[fitted].std(0)
    scale = np.where(spread > 1e-6 * np.abs(x[fitted]).max(0), spread, np.inf)
    return (x - mean) / scale, scale


def newton(x, labels, classes, l2, steps=100):
    """Return weights `[d + 1, columns]`, the bias last, by Newton's method with halved steps."""
    z = np.concatenate([x, np.ones((len(x), 1))], 1)
    hot = np.eye(classes)[labels]
    hot = hot[:, 1:] if classes == 2 else hot
    columns = hot.shape[1]
    penalty = np.full((z.shape[1], columns), float(l2))
    penalty[-1] = 0
    weights = np.zeros_like(penalty)

    def chances(w):
        scores = z @ w
        if columns == 1:
            return 1 / (1 + np.exp(-scores))
        shifted = np.exp(scores - scores.max(1, keepdims=True))
        return shifted / shifted.sum(1, keepdims=True)

    def loss(w):
        scores = z @ w
        most = np.logaddexp(0, scores) if columns == 1 else np.logaddexp.reduce(scores, 1)
        return most.sum() - (hot * scores).sum() + 0.5 * (penalty * w * w).sum()

    for _step in range(steps):
        p = chances(weights)
        slope = z.T @ (p - hot) + penalty * weights
        if np.abs(slope).max() < 1e-11:
            break
        if columns == 1:
            bend = np.einsum("ni,nk,nj->ij", z, p * (1 - p), z)
        else:
            inner = np.einsum("nk,kl->nkl", p, np.eye(columns)) - p[:, :, None] * p[:, None, :]
            bend = np.einsum("ni,nkl,nj->ikjl", z, inner, z)
        size = weights.size
        whole = bend.reshape(size, size) + np.diag(penalty.ravel())
        move = -np.linalg.lstsq(whole, slope.ravel(), rcond=1e-12)[0].reshape(weights.shape)
        length = 1.0
        while loss(weights + length * move) > loss(weights) + 1e-12 and length > 1e-9:
            length /= 2
        weights = weights + length * move
    return weights


def said(x, weights):
    """Return the number of the label that a probe says of each prompt."""
    scores = np.concatenate([x, np.ones((len(x), 1))], 1) @ weights
    return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(1)


def direction(weights, scale):
    """Return the unit direction from the first label to the second, in the stream's coordinates."""
    own = weights[:-1]
    along = (own[:, 0] if own.shape[1] == 1 else own[:, 1] - own[:, 0]) / scale
    return along / np.linalg.norm(along)
