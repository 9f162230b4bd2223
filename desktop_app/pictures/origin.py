"""Whose a result is: what made it, and what of that is another in the window now. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.contract.result import EARLIER_TOKENIZER, has_earlier_tokenizer
from desktop_app.pictures.words import choice_label, clipped, dotted_name, layers_words, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import ModelInfo

OTHER_MODEL = "other_model"
OTHER_SETTINGS = "other_settings"
OTHER_PROMPTS = "other_prompts"
_TOLD = 4
_SHORT = 60


@dataclass(frozen=True)
class Difference:
    """What made a result and is another now; empty where it is the same.

    Attributes:
        model: Its model in words, such as `another model, toy`.
        settings: Each setting that is another, with both values.
        prompts: Whether the prompt table holds others.
    """

    model: str = ""
    settings: tuple[str, ...] = ()
    prompts: bool = False

    def codes(self) -> tuple[str, ...]:
        """Return the codes of the chips that say so, the gravest first."""
        told = (OTHER_MODEL, self.model), (OTHER_SETTINGS, self.settings)
        return tuple(code for code, there in (*told, (OTHER_PROMPTS, self.prompts)) if there)

    def words(self) -> str:
        """Return it as the end of a sentence: `with another model, toy, and other settings`."""
        told = [f"with {self.model}"] if self.model else []
        told += ["with other settings"] if self.settings else []
        told += ["for other prompts"] if self.prompts else []
        return " and ".join(told)


SAME = Difference()


def model_difference(then: ModelInfo, now: ModelInfo | None) -> str:
    """Return in words what another model made a result; empty where it is the one that is open.

    Files decide, not names: one model has many places, and one name had other files before. Where
    no model is open there is nothing that it could be mistaken for.
    """
    if now is None:
        return ""
    name = clipped(then.name, _SHORT)
    if has_earlier_tokenizer(then, now):
        return EARLIER_TOKENIZER.removeprefix("made with ")
    if then.fingerprint != now.fingerprint:
        return f"another model, {name}" if then.name != now.name else f"other files of {name}"
    return _other_form(then, now, name)


def _other_form(then: ModelInfo, now: ModelInfo, name: str) -> str:
    """Return in words in which other form the same files were loaded; empty where in none."""
    if then.dtype != now.dtype:
        return f"{name} in {clipped(then.dtype, _SHORT)}"
    if then.weights != now.weights:
        return f"the {clipped(then.weights, _SHORT)} weights of {name}"
    if then.layernorm != now.layernorm:
        return f"{name} {clipped(then.variant, _SHORT) or 'with its LayerNorm'}"
    return ""


def has_part(model: ModelInfo, layer: int | None, head: int | None) -> bool:
    """Return whether a model has a layer, and a head of that number."""
    return (layer or 0) < model.n_layers and (head or 0) < model.n_heads


def settings_difference(
    kind: type[Params],
    then: Mapping[str, Any],
    now: Params,
    shared: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return each setting that made a result and is another now: `Replace by: zero, now mean`.

    Args:
        kind: The settings of its analysis.
        then: What made it, which may come from an older version or a stranger's file.
        now: What the form says.
        shared: What the prompts' panel says; empty where the analysis reads no prompts.
    """
    names = [*kind.own_fields(), *shared]
    keys = [*kind.stored_fields(), *shared]
    try:
        made = kind.model_validate({k: then[k] for k in keys if k in then})
    except ValueError:
        return ("its settings are not those of this version",)
    wanted = now.model_copy(update=dict(shared))
    return tuple(
        f"{kind.model_fields[n].title or n}: {_word(old, n)}, now {_word(new, n)}"
        for n in names
        if (old := getattr(made, n)) != (new := getattr(wanted, n))
    )


def listed(settings: tuple[str, ...]) -> str:
    """Return differing settings one a line, of very many the first."""
    more = len(settings) - _TOLD
    return "\n".join([*settings[:_TOLD], *([f"and {more} more"] if more > 0 else [])])


def _word(value: object, name: str) -> str:
    if name == "layers":
        return clipped(layers_words(str(value)), _SHORT)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (tuple, list)):
        return plural(len(value), "entry") if len(value) == 1 else f"{len(value):,} entries"
    return (
        clipped(dotted_name(choice_label(value, name)), _SHORT)
        if value not in ("", None)
        else "none"
    )
