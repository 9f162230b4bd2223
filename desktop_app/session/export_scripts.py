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

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.session import export_facts
from desktop_app.session.export_literals import Code, assign, literal, span
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Analysis

_TEMPLATE = "script.py.jinja"
_CELL = "# %% "
_DOTTED = re.compile(r"[\w.]+\Z", re.ASCII)
_FOUR_BLANK_LINES = re.compile(r"\n{4,}")


def to_script(result: Result, file: str = "SCRIPT.py") -> str:
    """Return a Python script that computes the result anew.

    Args:
        result: Of an analysis that has a template.
        file: What the usage line calls the script.

    Raises:
        BadInputError: The analysis has no script, or the result's settings are not its own.
    """
    return _render(result, file, notebook=False)


def to_notebook(result: Result) -> str:
    """Return the same as a Jupyter notebook: JSON of nbformat 4.5, one cell per section."""
    head, *cells = _render(result, "", notebook=True).split(f"\n{_CELL}")
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


def _render(result: Result, file: str, *, notebook: bool) -> str:
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
    context = export_facts.context(result, params)
    context |= {
        "heading": Code(_heading(analysis)),
        "file": Code(file if re.fullmatch(r"[\w.-]+", file, re.ASCII) else "SCRIPT.py"),
        "notebook": notebook,
        "out": f"{analysis.name}.npz",
    }
    text = _environment().from_string(template.read_text(encoding="utf-8")).render(context)
    return _FOUR_BLANK_LINES.sub("\n\n\n", text).strip() + "\n"


def _params(result: Result, analysis: Analysis) -> Params:
    """Return the settings, checked: what a stranger's file says is taken for nothing more."""
    known = {k: v for k, v in result.params.items() if k in analysis.params.model_fields}
    try:
        return analysis.params.model_validate(known)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadInputError(
            f"No script can be written: the result's setting “{place}” is not one of "
            f"{analysis.name}; export it as .json instead."
        ) from None


def _heading(analysis: Analysis) -> str:
    return textwrap.fill(f"{analysis.title}: {analysis.summary}", 97)


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
    environment.filters |= {
        "literal": literal,
        "span": span,
        "dotted": _dotted,
        "indented": _indented,
    }
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
