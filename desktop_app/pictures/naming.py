"""What a result is called: its analysis, the settings that made it, and what it was made on.

All of it comes from the slice. A field of Params says in `named` how a name tells its values: `{}`
stands for the value in words, the empty text for all others, and an empty answer says nothing; one
without it is named where it is not the default. A picture may give `named(result)`, which takes the
settings' place, and `about(result)`, which takes the prompts'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.pictures.words import choice_label, clipped, plural, setting_words, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import ModelInfo, Result

_MOST_SETTINGS = 3
_TEXT = 32
_PART = 60
_ABOUT = 80
_BY_ITS_TEXT = 1
DOT = " · "


@dataclass(frozen=True)
class Made:
    """What made a result, as far as names may tell it.

    Attributes:
        params: All settings, the prompts apart.
        texts: The prompts.
        model: Name, device, dtype and so on of the model.
    """

    params: Mapping[str, Any]
    texts: tuple[str, ...]
    model: Mapping[str, Any]

    @classmethod
    def of(cls, result: Result) -> Made:
        """Read it off a result."""
        texts = tuple(prompt.text for prompt in result.prompts)
        return cls(result.params, texts, _model(result.model))


def _model(info: ModelInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in ("name", "dtype", "device", "weights")}


class Name:
    """A name in its parts, to which a difference can be added."""

    def __init__(self, result: Result) -> None:
        analysis = ANALYSES.get(result.analysis)
        self._analysis = result.analysis
        title = analysis.title if analysis is not None else result.analysis
        self._head = f"{title} (partial)" if result.partial else title
        self._settings = _settings(result)
        self._apart: list[str] = []
        # Last, where a list shows its model beneath: what it is about is cut off last then.
        self._subject = DOT.join(filter(None, (_subject(result), result.model.variant)))
        self._made = Made.of(result)

    @override
    def __str__(self) -> str:
        """Return the name."""
        parts = (self._head, *self._settings, *self._apart, self._subject)
        return DOT.join(part for part in parts if part)

    def tell_apart(self, other: Made) -> bool:
        """Add the first thing in which what made another result differs; False: there is none."""
        known = {*self._settings, *self._apart}
        told = next((t for t in self._differences(other) if t and t not in known), "")
        if told:
            self._apart.append(told)
        return bool(told)

    def _differences(self, other: Made) -> Sequence[str]:
        mine, found = self._made, []
        fields = ANALYSES[self._analysis].params.model_fields if self._analysis in ANALYSES else {}
        for name, field in fields.items():
            key = field.alias or name
            value, its = mine.params.get(key), other.params.get(key)
            if name != "prompts" and value is not None and _plain(value) != _plain(its):
                found.append(_difference(name, field, value, its))
        if mine.texts != other.texts:
            pairs = zip(mine.texts, (*other.texts, *("",) * len(mine.texts)), strict=False)
            texts = [text for text, its in pairs if text != its]
            found += [f"with {_quoted(text, _PART)}" for text in texts[:1]]
        found += [
            str(value)
            for name, value in mine.model.items()
            if name in other.model and other.model[name] != value
        ]
        return found


def result_name(result: Result) -> str:
    """Return what a result is called by what made it: `Ablation · mean · 5 prompts`."""
    return str(Name(result))


def _settings(result: Result) -> tuple[str, ...]:
    named, analysis = hook(result.analysis, "picture", "named"), ANALYSES.get(result.analysis)
    if named is not None:
        told = str(named(result))
        return (clipped(told, _PART),) if told else ()
    if analysis is None:
        return ()
    found = []
    for name, field in analysis.params.stored_fields().items():
        # What was asked as `auto` is told as what it came to.
        used = result.data.get(name)
        value = used if isinstance(used, str) else result.params.get(name, field.get_default())
        found.append(_part(name, field, value))
    return tuple([part for part in found if part][:_MOST_SETTINGS])


def _part(name: str, field: Any, value: Any) -> str:
    extra = field.json_schema_extra or {}
    ways = extra.get("named") if isinstance(extra, dict) else None
    if isinstance(ways, dict):
        way = ways.get(str(value), ways.get(""))
        if way is not None:
            return clipped(str(way).replace("{}", choice_label(value)), _PART)
    if _plain(value) == _plain(field.get_default()):
        return ""
    return _said(name, field, value)


def _said(name: str, field: Any, value: Any) -> str:
    """Say a setting in words; what a stranger's file holds may be of any kind."""
    try:
        told = setting_words(name, field, value)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        told = ""
    return clipped(told, _PART)


def _difference(name: str, field: Any, value: Any, other: Any) -> str:
    """Say the value of a setting in which two results differ, also where that is the usual one."""
    title = str(field.title or name).lower()
    if isinstance(value, bool):
        return title if value else f"no {title}"
    if isinstance(value, (list, tuple)):
        its = other if isinstance(other, (list, tuple)) else ()
        new = [str(item) for item in value if item not in its]
        return clipped(f"{title} {', '.join(new)}", _PART) if new else plural(len(value), title)
    extra = field.json_schema_extra
    spelled = extra.get("spelled") if isinstance(extra, dict) else None
    told = spelled.get(str(value), value) if isinstance(spelled, dict) else value
    return _said(name, field, value) or f"{title} {clipped(str(told), _PART)}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _subject(result: Result) -> str:
    about = hook(result.analysis, "picture", "about")
    told = str(about(result)) if about is not None else ""
    texts = [prompt.text for prompt in result.prompts]
    if told:
        return _quoted(told, _TEXT) if told in texts else clipped(told, _ABOUT)
    if len(texts) == _BY_ITS_TEXT:
        return _quoted(texts[0], _TEXT)
    return plural(len(texts), "prompt") if texts else ""


def _quoted(text: str, limit: int) -> str:
    return f"“{shorten(text, limit)}”"
