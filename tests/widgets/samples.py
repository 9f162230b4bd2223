"""What the tests of several widgets draw."""

from __future__ import annotations

import numpy as np

from desktop_app.pictures.matrix import Matrix, numbered


def plain_map(values, name=""):
    """Return numbers of heads as a map, layers and heads counted from 0."""
    rows, columns = np.shape(values)
    layers, heads = numbered("Layer", rows), numbered("Head", columns)
    return Matrix(np.asarray(values, dtype=np.float64), layers, heads, name=name)
