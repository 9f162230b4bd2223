"""Where nodes and edges of the board lie on the widget, for all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QRectF

    from desktop_app.pictures.graph import BoardPicture
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

    Floats = NDArray[np.float64]

LABEL_HEIGHT = 20.0
_INPUTS = {"q": -5.0, "k": 0.0, "v": 5.0, "in": 0.0}
_SAMPLES = 20
# Arcs of the spine reach so far to the left of it at most, as a share of the room there.
_ARC = 0.92
_BOW, _BOW_MOST = 10.0, 46.0
_SAME = 4.0


def node_points(picture: BoardPicture, frame: MatrixFrame) -> Floats:
    """Return where each node lies, `[nodes, 2]`."""
    plot, seen = frame.plot, frame.seen
    x = plot.left() + (picture.x - seen.left()) * frame.cell_width()
    y = plot.top() + (picture.y - seen.top()) * frame.cell_height()
    return np.stack([x, y], axis=-1)


def edge_curves(picture: BoardPicture, points: Floats, frame: MatrixFrame) -> Floats:
    """Return the control points of each edge's curve, `[edges, 4, 2]`, from sender to receiver.

    Between two nodes of the spine it is an arc at the left; from the spine to a head it leaves to
    the right and enters from below; two heads in one column are joined by a bow beside those
    between.
    """
    if not len(picture.edges):
        return np.empty((0, 4, 2))
    shift = np.array([_INPUTS.get(kind, 0.0) for kind in picture.kinds])
    start, end = points[picture.start].copy(), points[picture.end].copy()
    end[:, 0] += shift
    up = start[:, 1] - end[:, 1]
    first, second = start.copy(), end.copy()
    first[:, 1] -= 0.5 * up
    second[:, 1] += 0.5 * up
    spine = picture.spine
    left, right = spine[picture.start], spine[picture.end]
    across = end[:, 0] - start[:, 0]
    outward = left & ~right
    first[outward] = start[outward]
    first[outward, 0] += 0.55 * across[outward]
    inward = ~left & right
    second[inward] = end[inward]
    second[inward, 0] -= 0.55 * across[inward]
    both = left & right
    if both.any():
        room = max(points[picture.start[both], 0].min() - frame.plot.left(), 8.0)
        room = min(room, 2.0 * frame.cell_width())
        share = np.clip(up[both] / max(float(up[both].max()), 1.0), 0.02, 1.0) ** 0.75
        reach = _ARC * room * share * 4 / 3
        first[both] = start[both] + np.stack([-reach, -0.15 * up[both]], axis=-1)
        second[both] = end[both] + np.stack([-reach, 0.15 * up[both]], axis=-1)
    column = ~left & ~right & (np.abs(across) < _SAME + np.abs(shift))
    bow = np.minimum(_BOW + 0.12 * up, min(_BOW_MOST, 0.42 * frame.cell_width() + _BOW))
    first[column, 0] += bow[column]
    second[column, 0] += bow[column]
    return np.stack([start, first, second, end], axis=1)


def along(curves: Floats) -> Floats:
    """Return points along each curve, `[edges, samples, 2]`."""
    t = np.linspace(0.0, 1.0, _SAMPLES)[None, :, None]
    a, b, c, d = (curves[:, i, None, :] for i in range(4))
    return np.asarray(
        (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    )


def nearest_curve(samples: Floats, x: float, y: float, within: float) -> int | None:
    """Return the edge that passes a point most closely, of those near enough; None: none does."""
    if not len(samples):
        return None
    start, step = samples[:, :-1], np.diff(samples, axis=1)
    away = np.array([x, y]) - start
    lengths = np.maximum((step**2).sum(-1), 1e-12)
    share = np.clip((away * step).sum(-1) / lengths, 0.0, 1.0)
    distance = (((away - share[..., None] * step) ** 2).sum(-1)).min(1)
    best = int(distance.argmin())
    return best if distance[best] <= within**2 else None


def within(x: Floats, widths: Floats, plot: QRectF) -> Floats:
    """Return the middle and the width of boxes, `[nodes, 2]`, none of which leaves the plot."""
    if len(x) != len(widths):
        return np.empty((0, 2))
    low, high = plot.left() + widths / 2, plot.right() - widths / 2
    return np.stack([np.clip(x, np.minimum(low, high), np.maximum(low, high)), widths], axis=-1)


def labelled(middles: Floats, ys: Floats, order: NDArray[np.int64], height: float) -> list[int]:
    """Return the nodes whose names have room, the foremost of an order first."""
    kept: list[int] = []
    boxes = np.empty((0, 4))
    for place in order.tolist():
        (x, width), y = middles[place], ys[place]
        half = width / 2 + 2
        box = np.array([x - half, y - height / 2 - 1, x + half, y + height / 2 + 1])
        apart = (
            (boxes[:, 0] >= box[2])
            | (boxes[:, 2] <= box[0])
            | (boxes[:, 1] >= box[3])
            | (boxes[:, 3] <= box[1])
        )
        if apart.all():
            boxes = np.vstack([boxes, box])
            kept.append(place)
    return kept
