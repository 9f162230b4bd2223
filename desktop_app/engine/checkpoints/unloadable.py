"""What a library's error says of a model that it could not load, in a sentence."""

from __future__ import annotations

import re

from desktop_app.support.errors import first_line

_AGAIN = "correct config.json or fetch the model again"
# What stands in the error, and what it means; `{}` is the pattern's own group.
_KNOWN = (
    (
        r"does not recognize this architecture|requires you to execute",
        "the installed transformers does not know its kind of model, which may need code of its "
        "own that is never run here; choose another model",
    ),
    (
        r"ignore_mismatched_sizes",
        f"its weights have other shapes than its settings give them; {_AGAIN}",
    ),
    (
        r"offloaded device_map",
        "weights are processed in memory alone; choose --offload none or --weights raw",
    ),
    (
        r"expected scalar type Float but found",
        "the hooks of its architecture stand no half precision; choose --dtype float32",
    ),
    (
        r"during automatic conversion",
        "of weights that belong together its files hold a part or other shapes than its settings "
        "give them; fetch the model again",
    ),
    (
        r"^Class validation error for validator '\w+':\s*(?:\w+: )?(.{1,200})",
        f"its settings contradict one another ({{}}); {_AGAIN}",
    ),
    (
        r"^Validation error for field '(\w+)'",
        f"config.json gives {{}} a value that it cannot have; {_AGAIN}",
    ),
    (
        r"Original component not set for ([\w.]+)|ArchitectureAdapter only (.{1,60})",
        "TransformerLens has no hooks for this variant of its architecture ({}); choose a model "
        "of another one",
    ),
)


def unloadable(name: str, error: BaseException) -> str:
    """Return the sentence for a model that the libraries could not load."""
    text = str(error)
    for pattern, meaning in _KNOWN:
        match = re.search(pattern, text)
        if match is not None:
            said = next(filter(None, match.groups()), "").rstrip(" .")
            return f"“{name}” cannot be loaded: {meaning.format(said)}."
    reason = first_line(error, 300).rstrip(" .:")
    if isinstance(error, KeyError):
        reason = f"nothing is known by the name of {reason}"
    return f"“{name}” cannot be loaded ({reason}): choose another model or fetch it again."
