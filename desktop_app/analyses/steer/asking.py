"""Settings that cannot be meant together, or that have nothing to act on: what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice
from desktop_app.contract.steering import parse_begin
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.steer.spec import SteerParams

_WITH_FILE = frozenset({"add", "set", "project_out"})
_PLACE = ("layer", "site", "position", "when")
_DRAWING = ("top_k", "top_p")


def refuse(params: SteerParams) -> None:
    """Refuse what would be left undone without a word.

    Raises:
        BadInputError: It names the setting.
    """
    own = params.interventions()[: -len(params.also) or None]
    if _given(params, ["coef"]) and not any(one.op in {"add", "difference", "set"} for one in own):
        raise BadInputError(
            f"--coef {','.join(f'{one:g}' for one in params.coef)} has no vector to multiply: give "
            "one with --add, --from and --to, or --set-to; leave it out with others (the factor of "
            'a scaling is --scale, and what is under --also has a "coef" of its own).'
        )
    if any(one.op == "ablate_heads" and not one.heads for one in params.also):
        raise BadInputError(
            'An intervention “ablate_heads” names no heads: give them, such as "heads": "5.3,16.0".'
        )
    _refuse_begin(params)


def _refuse_begin(params: SteerParams) -> None:
    if not params.begin:
        return
    beside = _given(params, ["sweep_layers", "sweep_coefs", "scan", "preset"])
    if beside:
        raise BadInputError(
            f"--begin cannot be given with {_options(beside)}, where every text starts from its "
            "bare prompt: run them one after the other."
        )
    met = set()
    for text in params.begin:
        one = parse_begin(text)
        if (one.run, one.prompt) in met:
            raise BadInputError(
                f"--begin names the {one.run} continuation of prompt {one.prompt} twice: give each "
                "of them one beginning."
            )
        met.add((one.run, one.prompt))


def notices(params: SteerParams) -> list[Notice]:
    """Return what settings had nothing to act on."""
    return [*_places(params), *_idle(params)]


def _places(params: SteerParams) -> Iterator[Notice]:
    acts, given = params.interventions(), _given(params, _PLACE)
    if not acts and params.preset == "none" and not params.read_direction and given:
        message = (
            f"{_options(given)} had nothing to act on: the text is generated plainly. Say what is "
            "done there, such as --zero, --scale, --add, or --from and --to."
        )
        yield Notice("place_unused", message)
    placed = [name for name in given if name in {"layer", "site"}]
    if acts and placed and not params.also and {one.op for one in acts} == {"ablate_heads"}:
        message = (
            f"{_options(placed)} had nothing to act on: heads name their layers themselves, and "
            "are replaced at their own output."
        )
        yield Notice("place_unused", message)


def _idle(params: SteerParams) -> Iterator[Notice]:
    acts = params.interventions()
    ops = {one.op for one in acts}
    filed = bool(ops & _WITH_FILE) or bool(params.read_direction)
    needed = (
        (_DRAWING, params.temperature > 0, "the likeliest token is taken; give --temperature"),
        (["vector_at"], "difference" in ops, "no texts are read; give --from and --to"),
        (["reference"], "ablate_heads" in ops, "no mean is taken; give --ablate-heads"),
        (["elsewhere"], filed, "no vector comes from a file; give one, such as with --add"),
    )
    for names, used, why in needed:
        given = _given(params, names)
        if given and not used:
            yield Notice("setting_unused", f"{_options(given)} had nothing to act on: {why}.")


def _given(params: SteerParams, names: Sequence[str]) -> list[str]:
    """Return which settings say something else than they do where nothing is said."""
    fields = type(params).model_fields
    return [name for name in names if getattr(params, name) != fields[name].default]


def _options(names: Sequence[str]) -> str:
    told = [f"--{name.replace('_', '-')}" for name in names]
    return " and ".join((", ".join(told[:-1]), told[-1])) if len(told) > 1 else told[0]
