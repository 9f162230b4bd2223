"""Results of probes whose numbers can be followed by eye."""

from __future__ import annotations

import numpy as np

from tests.samples import drawn

LAYERS, WIDTH = 4, 6
LABELS = ("cat", "dog")
SHUFFLES = 4
# Ten prompts, the last two of each label held out.
LABEL_OF = np.array([0] * 5 + [1] * 5)
HELD_OUT = np.array(([False] * 3 + [True] * 2) * 2)
RIGHT = (2, 2, 4, 3, 2)  # of the 4 held-out prompts, by row


def fields(*, each=False, positions=3):
    """Return the fields; with `each`, position 1 is as above, and others know nothing."""
    columns = positions if each else 1
    rows = LAYERS + 1
    accuracy = np.full((rows, columns), 0.5)
    accuracy[:, 1 if each else 0] = np.array(RIGHT) / 4
    control = np.full((rows, columns, SHUFFLES), 0.5)
    control[..., 0], control[..., 1] = 0.25, 0.75
    predicted = np.zeros((rows, columns, 10), dtype=int)
    predicted[...] = np.where(HELD_OUT, 0, LABEL_OF)
    right = predicted[:, 1 if each else 0]
    right[2] = LABEL_OF
    right[3, -1] = 1
    confusion = np.zeros((rows, columns, 2, 2), dtype=int)
    for row in range(rows):
        for column in range(columns):
            pairs = (LABEL_OF[HELD_OUT], predicted[row, column][HELD_OUT])
            np.add.at(confusion[row, column], pairs, 1)
    direction = np.zeros((rows, columns, WIDTH))
    direction[..., 0] = 1
    direction[0] = np.nan
    gap = np.where(np.isnan(direction[..., 0]), np.nan, 2.5)
    found = {
        "accuracy": accuracy,
        "accuracy_control": control.mean(-1),
        "accuracy_control_each": control,
        "accuracy_train": np.ones((rows, columns)),
        "direction": direction,
        "gap": gap,
        "confusion": confusion,
        "predicted": predicted,
    }
    if not each:
        found = {name: table[:, 0] for name, table in found.items()}
        found["read_position"] = np.full(10, 2)
    found |= {"majority": 0.5, "labels": LABELS, "label_of": LABEL_OF, "held_out": HELD_OUT}
    return found


def result(*, each=False, **changes):
    """Return a result of ten prompts of three tokens."""
    prompts = tuple(drawn.prompt(f"{n % 6 + 1} {n % 3 + 1}") for n in range(10))
    params = {"site": "resid_post", "position": "all" if each else "-1", "shuffles": SHUFFLES}
    values = {
        "model": drawn.model(n_layers=LAYERS, d_model=WIDTH),
        "params": params,
        "prompts": prompts,
        **changes,
    }
    return drawn.result_of("probe", fields(each=each), **values)
