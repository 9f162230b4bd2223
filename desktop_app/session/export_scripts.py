"""A result as a script or notebook that recomputes it: TransformerLens alone, no Lensbench.

One template per analysis, in its folder; what they share lies in `scripts` beside this module. A
result may come from a stranger's file, so its settings are read through the analysis' own Params
first, its numbers through `int`, and everything that a template prints must be source made by
`export_literals`: plain text is refused.
"""

from __future__ import annotations

import functools
import json
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from desktop_app.contract.registry import ANALYSES, file_of, hook
from desktop_app.session.export_literals import Code, assign, literal, span
from desktop_app.support.errors import MISFITS, BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.contract.spec import Analysis

_TEMPLATE = "script.py.jinja"
_CELL = "# %% "
_DOTTED = re.compile(r"[\w.]+\Z", re.ASCII)
_FIRST_GPT = "OpenAIGPTLMHeadModel"
_LAYERNORMS = frozenset({"eps", "identity", "constant"})
_DTYPES = frozenset({"float32", "float16", "bfloat16", "float64"})
_DEVICE = re.compile(r"cuda(:\d+)?\Z", re.ASCII)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*\Z", re.ASCII)
_VERSIONS = ("lensbench", "torch", "transformers", "transformer_lens", "python", "created")
_HOOKS = {"head_q": "hook_q", "head_k": "hook_k", "head_v": "hook_v", "head_z": "hook_z"}
_IN_TITLES = frozenset(" ·“”.,:;+−-→×%…/_=()")
_MOST_TITLE = 200
_FOUR_BLANK_LINES = re.compile(r"\n{4,}")


def to_script(result: Result, file: str = "SCRIPT.py", title: str = "") -> str:
    """Return a Python script that computes the result anew; its usage line calls it `file`.

    Its first line is the title that the history has, where it is given.

    Raises:
        BadInputError: The analysis has no script, or the result's settings are not its own.
    """
    return _render(result, file, title, notebook=False)


def to_notebook(result: Result, title: str = "") -> str:
    """Return the same as a Jupyter notebook: JSON of nbformat 4.5, one cell per section."""
    head, *cells = _render(result, "", title, notebook=True).split(f"\n{_CELL}")
    words, _, imports = head.removeprefix('"""').partition('"""\n')
    parts = [_cell("markdown", _as_markdown(words)), _cell("code", imports)]
    for cell in cells:
        title, _, body = cell.partition("\n")
        parts.append(_cell("markdown", f"## {title}"))
        parts.append(_cell("code", body))
    for number, part in enumerate(parts):
        part["id"] = f"cell-{number}"
    document = {
        "cells": parts,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _render(result: Result, file: str, title: str, *, notebook: bool) -> str:
    analysis = ANALYSES.get(result.analysis)
    template = file_of(result.analysis, _TEMPLATE)
    if analysis is None:
        raise BadInputError(
            f"The analysis “{result.analysis}” is not installed, so that no script can be written: "
            "install the package that brings it, or export the result as .npz or .json."
        )
    if template is None:
        raise BadInputError(
            f"Results of “{result.analysis}” have no script: export them as .npz or .json."
        )
    params = _params(result, analysis)
    values = _context(result, params)
    values |= {
        "heading": _heading(f"{analysis.title}: {values.get('says', analysis.summary)}", title),
        "file": Code(file if re.fullmatch(r"[\w.-]+", file, re.ASCII) else "SCRIPT.py"),
        "notebook": notebook,
        "out": f"{analysis.name}.npz",
    }
    text = _environment().from_string(template.read_text(encoding="utf-8")).render(values)
    return _FOUR_BLANK_LINES.sub("\n\n\n", text).strip() + "\n"


def _heading(says: str, title: str) -> Code:
    """Return the first lines of the docstring; of a title, whoever gave it, letters and points."""
    says = textwrap.fill(says, 97)
    named = "".join(c if c.isalnum() or c in _IN_TITLES else "?" for c in title[:_MOST_TITLE])
    return Code(f"{textwrap.fill(named, 97)}\n\n{says}" if named.strip() else says)


def _params(result: Result, analysis: Analysis) -> Params:
    """Return the settings, checked: what a stranger's file says is taken for nothing more."""
    kind = analysis.params
    keys = kind.model_fields.keys() | kind.stored_fields().keys()
    known = {k: v for k, v in result.params.items() if k in keys}
    try:
        return analysis.params.model_validate(known)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadInputError(
            f"No script can be written: the result's setting “{place}” is not one of "
            f"{analysis.name}; export it as .json instead."
        ) from None


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "scripts"),
        # What is made is Python, not HTML; `_only_source` is what stands guard.
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_source,
    )
    filters = {"literal": literal, "span": span, "dotted": _dotted, "indented": _indented}
    environment.filters |= filters
    environment.globals["let"] = assign
    return environment


def _only_source(value: object) -> object:
    if not isinstance(value, Code):
        raise TypeError(f"a template printed {value!r}, which is not known to be source")
    return value


def _dotted(name: str) -> Code:
    """Return a dotted name of a template's own, such as a hook's, as source."""
    if not _DOTTED.match(name):
        raise ValueError(f"{name!r} is not a dotted name")
    return Code(name)


def _indented(value: object, name: str, indent: int) -> Code:
    """Return `name = value` for a place that is indented by so many spaces."""
    return Code(f"{name} = {literal(value, indent + len(name) + 3)}")


def _cell(kind: str, text: str) -> dict[str, Any]:
    lines = text.strip("\n").splitlines(keepends=True)
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": "", "metadata": {}, "source": lines, **code}


def _as_markdown(words: str) -> str:
    """Return the docstring with its first line as the title."""
    title, _, rest = words.strip("\n").partition("\n")
    return f"# {title}\n{rest}"


def _context(result: Result, params: Params) -> dict[str, Any]:
    """Return the values that the templates print.

    Raises:
        BadInputError: The result is damaged, or of a kind that cannot be repeated.
    """
    try:
        facts = hook(result.analysis, "script", "facts")
        own = params.model_dump(mode="json", include=set(params.own_fields()))
        found = _shared(result, params) | own | (facts(result, params) if facts else {})
    except MISFITS as error:
        raise BadInputError(
            f"No script can be written: the result is incomplete ({error}); export it as .json."
        ) from error
    if found["needs_model"] and found["misread"]:
        raise BadInputError(
            f"No script can be written for {result.model.name}: TransformerLens alone misreads "
            "this layout of its architecture; export the result as .json instead."
        )
    return found


def _shared(result: Result, params: Params) -> dict[str, Any]:
    model = result.model
    device = "mps" if model.device.startswith("mps") else "cpu"
    source = source_of(model.name, model.source)
    turned = turned_names(result.provenance.get("turned_hooks"))
    made_with = {k: str(v) for k in _VERSIONS if (v := result.provenance.get(k)) is not None}
    return {
        "model": source,
        "gguf": source.lower().endswith(".gguf"),
        "dtype": dtype_code(model.dtype),
        "device": model.device if _DEVICE.match(model.device) else device,
        "processed": model.weights == "processed",
        "layernorm": model.layernorm,
        "misread": bool(result.provenance.get("adapter")),
        "gives_lists": gives_lists(model.architecture),
        "norms": changed_norms(model.layernorm, result.provenance.get("norms")),
        # Chat templates bring their own BOS, and the recorded texts are the expanded ones.
        "bos": "no" if params.chat and params.bos == "auto" else params.bos,
        "prompts": [_prompt(p) for p in result.prompts],
        "settings": params.model_dump(mode="json", exclude={"prompts"}),
        "made_with": {"model": str(model.name), "fingerprint": str(model.fingerprint), **made_with},
        "stopped": bool(result.partial),
        "needs_model": True,
        "sequences": None,
        "compare": "",
        "copies": False,
        "loads_other": False,
        "other_layernorm": "keep",
        "softmax_inputs": False,
        "turned": [name for name in turned if name != "hook_z"],
        "splits_z": "hook_z" in turned,
        **_tokenizer(result),
    }


def gives_lists(architecture: object) -> bool:
    """Return whether a model's blocks give lists, behind which a bridge alone sees no stream."""
    return architecture == _FIRST_GPT


def source_of(name: str, place: str) -> str:
    """Return by what a script loads a model: its Hub id, else where it lay."""
    return name if _HUB_ID.match(name) else place


def dtype_code(name: str) -> Code:
    """Return a number format as source; refuse what is none."""
    if name not in _DTYPES:
        raise BadInputError(f"No script can be written for numbers of type {name[:20]!r}.")
    return Code(name)


def changed_norms(kind: str, given: object) -> list[list[Any]]:
    """Return what was put in the place of a model's norms, each of which a script changes too.

    Raises:
        BadInputError: A model without its norms does not say which they are.
    """
    norms: list[list[Any]] = []
    if kind == "keep":
        return norms
    for row in given if isinstance(given, (list, tuple)) else ():
        if not _DOTTED.match(str(row["name"])):
            raise ValueError("a norm has no name")
        wanted = ("offset", "eps", *(("first", "rest") if kind == "constant" else ()))
        known = [float(f"{float(row[name]):.9g}") for name in wanted]
        norms.append([str(row["name"]), bool(row["centres"]), *known])
    if not norms or kind not in _LAYERNORMS:
        raise BadInputError(
            "No script can be written: the result does not say how the norms of "
            "its model were changed; export it as .json instead."
        )
    return norms


def _tokenizer(result: Result) -> dict[str, Any]:
    """Return how the result's tokenizer was made, where it is not what the library makes."""
    given = result.provenance.get("tokenizer")
    given = given if isinstance(given, dict) else {}
    parts, adds = given.get("parts"), given.get("add_bos_token")
    return {
        "tokenizer_made": str(given.get("made", "")),
        "tokenizer_parts": parts if isinstance(parts, dict) and "ignore_merges" in parts else {},
        "tokenizer_adds": adds if isinstance(adds, bool) else None,
        "tokenizer_drops": given.get("dropout") == "off",
    }


def turned_names(given: object) -> list[str]:
    """Return the hooks that need other axes in a model than the bridge gives them."""
    return [_HOOKS[site] for site in given if site in _HOOKS] if isinstance(given, list) else []


def _prompt(record: PromptRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "text": record.text,
        "ids": _ids(record.tokens.ids),
        "read_position": int(record.read_position),
    }
    if record.corrupt_tokens is not None:
        found["corrupt"] = record.corrupt_text
        found["corrupt_ids"] = _ids(record.corrupt_tokens.ids)
    given = {"answer": record.answers, "wrong": record.wrongs}
    for name, records in given.items():
        found[f"{name}s"] = [{"text": a.text, "ids": _ids(a.tokens.ids)} for a in records]
    for name, records in given.items():
        found[f"{name}_ids"] = [int(a.token_id) for a in records]
    return found


def _ids(ids: tuple[int, ...]) -> list[int]:
    return [int(i) for i in ids]


def numbers(result: Result, name: str) -> list[int]:
    """Return a field of whole numbers as a list."""
    return [int(n) for n in np.asarray(result.data[name])]


def swept_layers(result: Result) -> list[int]:
    """Return the swept layers, each of which the model must have."""
    layers = numbers(result, "layers")
    if not layers or not all(0 <= n < result.model.n_layers for n in layers):
        raise ValueError("its layers are not the model's")
    return layers


def sequences(result: Result) -> list[list[int]]:
    """Return the token ids that went into the model, prompt by prompt."""
    return [_ids(p.tokens.ids) for p in result.prompts]
