"""Clean and corrupt prompts as pairs: checked, and grouped by token length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.methods.prepare import Prepared
    from desktop_app.text.encoding import Encoding


def twins_of(prepared: Prepared, wanted_by: str) -> tuple[Encoding, ...]:
    """Return each prompt's corrupt twin.

    Args:
        prepared: The prompts.
        wanted_by: What needs the twins, such as `--mode resample`, for the message.

    Raises:
        BadInputError: A prompt has none, or one of another token length.
    """
    return tuple(twin_of(prepared, index, wanted_by) for index in range(len(prepared.encodings)))


def twin_of(prepared: Prepared, index: int, wanted_by: str) -> Encoding:
    """Return the corrupt twin of one prompt; see `twins_of`."""
    clean, twin = prepared.encodings[index], prepared.corrupt[index]
    if twin is None:
        raise BadInputError(
            f"Prompt {index + 1} has no corrupt twin, which {wanted_by} needs: give --corrupt."
        )
    if len(twin) != len(clean):
        raise BadInputError(
            f"Prompt {index + 1} has {len(clean)} tokens and its corrupt twin {len(twin)}: "
            f"make them equally long for {wanted_by}."
        )
    return twin


def first_difference(clean: tuple[int, ...], corrupt: tuple[int, ...]) -> int:
    """Return the first position where two token sequences part; their length where they do not."""
    pairs = enumerate(zip(clean, corrupt, strict=True))
    return next((i for i, (a, b) in pairs if a != b), len(clean))
