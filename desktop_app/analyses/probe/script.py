"""What the script of probes fits, and on which prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.session.export_scripts import numbers

if TYPE_CHECKING:
    from desktop_app.analyses.probe.spec import ProbeParams
    from desktop_app.contract.result import Result

_STREAM = frozenset({"resid_pre", "resid_post"})


def facts(result: Result, params: ProbeParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings.

    Raises:
        ValueError: Its labels or its split do not fit its prompts.
    """
    count = len(result.prompts)
    names = [str(name) for name in result.data["labels"]]
    label_of = numbers(result, "label_of")
    held = np.flatnonzero(np.asarray(result.data["held_out"], dtype=bool)).tolist()
    if len(label_of) != count or not set(label_of) <= set(range(len(names))):
        raise ValueError("its labels do not fit its prompts")
    if not all(0 <= n < count for n in held) or len(names) < 2:
        raise ValueError("its split does not fit its prompts")
    return {
        "names": names,
        "label_of": label_of,
        "held": held,
        "reads_stream": params.site in _STREAM,
        "every": params.position == "all",
        "hook": f"hook_{params.site}",
    }
