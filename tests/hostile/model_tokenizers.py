"""Spoilt tokenizers: parts of `tokenizer.json`, what grows or searches without end, templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.hostile import values
from tests.hostile.model_files import SpoiltModel, copy_of, edit_json

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path


def tokenizer_part(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder, where = copy_of(bases, place, throw), ""

    def edit(tree: Any) -> Any:
        nonlocal where
        found, where = values.replace_somewhere(tree, throw, values.hostile(throw))
        return found

    edit_json(folder / "tokenizer.json", edit)
    return SpoiltModel(folder, where)


_GROW = {"type": "Replace", "pattern": {"Regex": "."}, "content": "aaaaaaaaaa" * 10}
_FROM_NOTHING = {"type": "Replace", "pattern": {"String": ""}, "content": "xx"}
_SPLIT = {"type": "Split", "invert": False, "behavior": "Isolated"}
_PAD = {
    "direction": "Left",
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "x",
    "pad_to_multiple_of": None,
}
_CUT = {"stride": 5, "strategy": "LongestFirst", "direction": "Right"}


def _sequence(item: dict[str, Any], count: int) -> dict[str, Any]:
    return {"normalizer": {"type": "Sequence", "normalizers": [item] * count}}


def _pattern(text: str) -> dict[str, Any]:
    return {"pre_tokenizer": {**_SPLIT, "pattern": {"Regex": text}}}


SLOW: dict[str, dict[str, Any]] = {
    "growing": _sequence(_GROW, 5),
    "growing much": _sequence(_GROW, 40),
    "growing out of nothing": _sequence(_FROM_NOTHING, 40),
    "prepending": {"normalizer": {"type": "Prepend", "prepend": "x" * 10_000_000}},
    "nested groups": _pattern("(a+)+$"),
    "nested choices": _pattern("(a|aa|a?a)*b"),
    "back references": _pattern(r"(.*)(.*)(.*)\1\2\3z"),
    "no pattern": _pattern("("),
    "empty pattern": _pattern(""),
    "sequence of itself": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [_SPLIT] * 9}},
    "endless truncation": {"truncation": {"max_length": 0, **_CUT}},
    "endless padding": {"padding": {"strategy": {"Fixed": 2**40}, **_PAD}},
    "long padding": {"padding": {"strategy": {"Fixed": 400_000_000}, **_PAD}},
}


def slow_tokenizer(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Normalizers that grow without end, patterns that look for ever."""
    folder, how = copy_of(bases, place, throw), throw.choice(sorted(SLOW))
    edit_json(folder / "tokenizer.json", lambda tree: {**tree, **SLOW[how]})
    return SpoiltModel(folder, how)


Vocabulary = dict[str, int]
VOCABULARIES: dict[str, Callable[[Vocabulary], Any]] = {
    "ids beyond the model": lambda v: {k: n + (1000 if n > 5 else 0) for k, n in v.items()},
    "an id of 2³¹": lambda v: {**v, next(reversed(v)): 2**31},
    "an id below 0": lambda v: {**v, next(reversed(v)): -1},
    "holes": lambda v: {k: 3 * n for k, n in v.items()},
    "two of one id": lambda v: {k: min(n, 200) for k, n in v.items()},
    "no words": lambda _v: {},
    "no map": list,
    "200,000 further words": lambda v: {**v, **{f"w{i}": 5_000 + i for i in range(200_000)}},
    "control characters": lambda v: {k if n < 10 else f"\x1b[3{n}m{k}": n for k, n in v.items()},
}
_SPECIAL = {
    "special": True,
    "single_word": False,
    "lstrip": False,
    "rstrip": False,
    "normalized": False,
}
ADDED: dict[str, list[dict[str, Any]]] = {
    "a huge added token": [{"id": 900, "content": "x" * 20_000_000, **_SPECIAL}],
    "added tokens that match all": [
        {"id": 900 + i, "content": text, **_SPECIAL} for i, text in enumerate(" 1234a")
    ],
    "an empty added token": [{"id": 900, "content": "", **_SPECIAL}],
}
MERGES: dict[str, list[Any]] = {
    "endless merges": [["a", "a"]] * 200_000,
    "a merge of nothing": [["", ""], ["a"], "b", 7],
}


def vocabulary(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw)
    how = throw.choice(sorted((*VOCABULARIES, *ADDED, *MERGES)))

    def edit(tree: Any) -> Any:
        if how in VOCABULARIES:
            tree["model"]["vocab"] = VOCABULARIES[how](tree["model"]["vocab"])
        tree["model"]["merges"] = MERGES.get(how, tree["model"]["merges"])
        tree["added_tokens"] += ADDED.get(how, [])
        return tree

    edit_json(folder / "tokenizer.json", edit)
    return SpoiltModel(folder, how)


def template(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Chat templates are programs."""
    folder = copy_of(bases, place, throw)
    template = throw.choice(
        (
            "{{ 'x' * 4000000000 }}",
            "{% for i in range(10**10) %}{{ i }}{% endfor %}",
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "{{ raise_exception('no') }}",
            "{{ messages[7].content }}",
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{ 10 ** 10 ** 10 }}",
            "{% set a = [0] * 10000000000 %}{{ a|length }}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{{ messages",
            "{% include '/etc/passwd' %}",
            "",
            "{{ '\x1b[31m' }}{{ messages[0].content }}",
            "{{ 'x'.center(2000000000) }}",
            "{{ 'a' | replace('a', 'aaaaaaaaaa' * 100000000) }}",
            *({"default": "{{ 'x' * 10**9 }}"}, 7, [], [{"name": "default", "template": 5}]),
        )
    )
    edit_json(folder / "tokenizer_config.json", lambda c: {**c, "chat_template": template})
    return SpoiltModel(folder, f"template {values.short(template)}", ("--chat",))


def tokenizer_setting(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder, where = copy_of(bases, place, throw), ""

    def edit(config: Any) -> Any:
        nonlocal where
        more = ("auto_map", "add_bos_token", "additional_special_tokens", "added_tokens_decoder")
        name = throw.choice([*config, *more, "padding_side", "unk_token", "pad_token"])
        value = throw.choice((values.hostile(throw), "LlamaTokenizer", "os.system", {"content": 7}))
        where = f"{name} = {values.short(value)}"
        return {**config, name: value}

    edit_json(folder / "tokenizer_config.json", edit)
    return SpoiltModel(folder, where)
