"""Command-line options made from Params, and the common ones; progress for a terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, get_origin

import click
from pydantic import ValidationError
from typing_extensions import override

from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import Reporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.support.errors import BadInputError
from desktop_app.support.sizes import human_bytes
from desktop_app.support.terminal import one_line
from desktop_app.text.circuit_files import read_circuit
from desktop_app.text.kept_files import read_keep, read_trail
from desktop_app.text.painted import read_pattern
from desktop_app.text.prompts import read_prompts, read_rows, read_texts
from desktop_app.text.text_sets import read_sets, read_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from desktop_app.contract.requests import RunEstimate

_ENDINGS = (".json", ".npz", ".lens")
# Options that name a file, and what reads it.
_FILES: dict[str, Callable[[Path], Any]] = {
    "prompt_file": read_texts,
    "pattern_file": read_pattern,
    "row_file": read_rows,
}
# Options that take a text or name a file with it, and what reads either.
_TEXTS: dict[str, Callable[[str], str]] = {
    "keep_file": read_keep,
    "trail_file": read_trail,
    "circuit_file": read_circuit,
}
# Options whose texts the settings themselves take apart, if at all: `A|B|C`, the name of a file.
_AS_GIVEN = frozenset({"several", "path", "new_path"})
# Options that may be given several times, nothing cut at commas: to the letter, sets of texts that
# may name files which hold them, and JSON with such sets.
_SEVERAL: dict[str, Callable[[tuple[str, ...], str], tuple[str, ...]]] = {
    "texts": lambda given, _option: given,
    "text_sets": read_sets,
    "written": read_written,
}
_AMOUNT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*$", re.IGNORECASE)
_UNITS = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
# What a result keeps is said before the run where it is more than this.
_WORTH_A_WORD = 1_000_000
_SPEC_OPTIONS = ("model", "device", "dtype", "offload", "weights", "layernorm", "offline")


def common_options() -> list[click.Parameter]:
    """Return the options that every analysis has: model, prompts, output."""
    choice = click.Choice
    option = click.Option
    dtypes = choice(["auto", "float32", "bfloat16", "float16"])
    return [
        option(["--model"], default="smollm2", help="Name, Hub id, folder or .gguf file."),
        option(["--device"], default="auto", help="auto, cpu, cuda, cuda:N or mps."),
        option(["--dtype"], type=dtypes, default="auto", help="Number format of the weights."),
        option(["--offload"], type=choice(["none", "auto", "disk"]), default="none"),
        option(
            ["--weights"],
            type=choice(["raw", "processed"]),
            default="raw",
            help="The model's own, or TransformerLens' folded and centred ones.",
        ),
        option(
            ["--layernorm"],
            type=choice(["keep", "eps", "identity", "constant"]),
            default="keep",
            help="Keep the norms of the stream, or replace them: eps (1e12, weights times 1e6), "
            "identity (x·w + b), constant (each divides by what it does on a sample).",
        ),
        option(["--offline"], is_flag=True, help="Never touch the network."),
        option(["--prompt"], multiple=True, help="A prompt, to the letter (repeatable)."),
        option(["--corrupt"], multiple=True, help="Its corrupt twin (one per prompt)."),
        option(["--answer"], multiple=True, help="Its answer; | between several."),
        option(["--wrong"], multiple=True, help="Its wrong continuation; | between several."),
        option(["--prompts", "prompts_file"], help="A .csv or .jsonl file of prompt rows."),
        option(["--bos"], type=choice(["auto", "yes", "no"]), default="auto"),
        option(["--chat"], is_flag=True, help="Each prompt is a user message."),
        option(["--fix"], is_flag=True, help="Apply the known repairs of answers."),
        option(
            ["--memory"],
            callback=_memory,
            help="Memory that a sweep may take, such as 2GB or 800MB; changes no number.",
        ),
        option(["--estimate"], is_flag=True, help="Only say how much memory the run would take."),
        option(["--json", "as_json"], is_flag=True, help="Print the result object."),
        option(["--out"], help="Write to a file ending in .json, .npz or .lens."),
    ]


def _memory(_context: click.Context, _option: click.Parameter, given: str | None) -> int | None:
    """Read an amount of memory as bytes."""
    if given is None:
        return None
    match = _AMOUNT.match(given)
    size = float(match[1]) * _UNITS[match[2].upper()] if match else 0.0
    if size < 1:
        raise BadInputError(f"--memory {given} is no amount of memory: write 2GB or 800MB.")
    return int(size)


class Fields(Protocol):
    """A form: the settings of an analysis, or what a family of prompts asks."""

    @classmethod
    def stored_fields(cls) -> dict[str, Any]:
        """Return its fields by the keys under which options have them."""


def own_options(params: type[Fields]) -> list[click.Parameter]:
    """Return the options of an analysis or a family, one per field of its form."""
    return [_option(name, field) for name, field in params.stored_fields().items()]


def _option(name: str, field: Any) -> click.Option:
    kind, extra = field.annotation, field.json_schema_extra or {}
    given: dict[str, Any]
    if kind is bool:
        given = {"is_flag": True}
    elif get_origin(kind) is Literal:
        default = None if _when_prompts(field) else field.default
        choices = click.Choice([str(a) for a in get_args(kind)])
        given = {"type": choices, "default": default, "show_default": default is not None}
    elif extra.get("cli") in _FILES:
        given = {"metavar": "FILE"}
    elif extra.get("cli") in _TEXTS:
        given = {"default": field.default, "metavar": extra.get("metavar", "LIST|FILE")}
    elif extra.get("cli") == "pair":
        given = {"nargs": 2, "metavar": extra["metavar"]}
    elif extra.get("cli") in _AS_GIVEN:
        given = {"default": "", "metavar": extra.get("metavar", "FILE")}
    elif extra.get("cli") in _SEVERAL:
        given = {"multiple": True, "metavar": extra["metavar"]}
    elif get_origin(kind) is tuple:
        given = {"multiple": True, "metavar": "LIST"}
    else:
        scalar = kind if kind in (int, float) else str
        given = {"type": scalar, "default": field.default, "show_default": True}
    return click.Option([f"--{name.replace('_', '-')}"], help=field.description, **given)


def check_ending(out: str) -> None:
    """Refuse an output file of an unknown kind before anything is computed."""
    if not out.lower().endswith(_ENDINGS):
        raise BadInputError(f"--out {out} must end in {', '.join(_ENDINGS)}: rename it.")
    folder = Path(os.path.realpath(os.path.expanduser(out))).parent
    if not folder.is_dir():
        raise BadInputError(f"--out {out}: the folder {folder} does not exist; make it first.")


def model_spec(options: dict[str, Any]) -> ModelSpec:
    """Take the model's options out and return them as a spec."""
    return ModelSpec(**{name: options.pop(name) for name in _SPEC_OPTIONS})


def make_params(params: type[Params], options: dict[str, Any]) -> Params:
    """Return the Params of parsed options, with prompt and reference files read."""
    options["prompts"] = _prompt_rows(options)
    for name, field in params.stored_fields().items():
        kind = (field.json_schema_extra or {}).get("cli")
        if kind in _FILES:
            file = options.pop(name)
            options[name] = _FILES[kind](Path(file)) if file else ()
        elif kind in _TEXTS:
            options[name] = _TEXTS[kind](options[name])
        elif kind == "pair":
            options[name] = ",".join(options[name] or ())
        elif kind in _SEVERAL:
            options[name] = _SEVERAL[kind](options[name], f"--{name.replace('_', '-')}")
        elif get_origin(field.annotation) is tuple and kind not in _AS_GIVEN:
            parts = (part.strip() for given in options[name] for part in given.split(","))
            options[name] = tuple(part for part in parts if part) or field.default
        elif _when_prompts(field) and options[name] is None:
            options[name] = _when_prompts(field) if options["prompts"] else field.default
    made = params(**options)
    if made.reads_prompts() and not made.prompts:
        raise BadInputError("There is no prompt: give --prompt TEXT or --prompts FILE.")
    if made.prompts and not made.reads_prompts():
        raise BadInputError("These settings read no prompt: leave --prompt and --prompts out.")
    return made


def _when_prompts(field: Any) -> str | None:
    """Return what a choice becomes where prompts are given and it is not."""
    found: str | None = (field.json_schema_extra or {}).get("when_prompts")
    return found


def _prompt_rows(options: dict[str, Any]) -> tuple[PromptRow, ...]:
    texts = options.pop("prompt")
    columns = {name: options.pop(name) for name in ("corrupt", "answer", "wrong")}
    file = options.pop("prompts_file")
    rows = list(read_prompts(Path(file))) if file else []
    for name, values in columns.items():
        if values and len(values) != len(texts):
            end = "." if len(values) > len(texts) else ", or none."
            raise BadInputError(
                f"--{name} is given {len(values)} times and --prompt {len(texts)} times: give one "
                f"per prompt{end}"
            )
    for index, text in enumerate(texts):
        fields = {name: values[index] for name, values in columns.items() if values}
        try:
            rows.append(PromptRow.model_validate({"text": text, **fields}))
        except ValidationError as error:
            problem = error.errors()[0]
            option = "prompt" if problem["loc"][0] == "text" else problem["loc"][0]
            message = problem["msg"].removeprefix("Value error, ")
            raise BadInputError(f"--{option} of prompt {index + 1}: {message}.") from None
    return tuple(rows)


class TerminalReporter(Reporter):
    """Progress as one line on standard error, only where a person watches."""

    def __init__(self, title: str, stored: str = "patterns") -> None:
        """Begin; `stored` says what a large result keeps."""
        self._title, self._stored = title, stored
        self._stream = sys.stderr
        self._watched = self._stream.isatty()

    @override
    def step(self, fraction: float, note: str = "") -> None:
        if self._watched:
            self._stream.write(f"\r\x1b[K{self._title} {100 * fraction:3.0f} %  {one_line(note)}")
            self._stream.flush()

    @override
    def stores(self, wanted_bytes: int, limit_bytes: int) -> None:
        if wanted_bytes < min(_WORTH_A_WORD, limit_bytes):
            return
        self.end()
        said = f"{self._title}: {self._stored} take about {wanted_bytes / 1e6:,.1f} MB"
        if wanted_bytes > limit_bytes:
            said += f", and at most {limit_bytes / 1e6:,.1f} MB are stored"
        self._stream.write(f"{one_line(said)}\n")
        self._stream.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._watched:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def estimate_lines(found: RunEstimate, stored: str) -> Iterator[str]:
    """Give what a run would take, in sentences; `stored` is what its analysis keeps, in words."""
    if found.memory_bytes is None:
        yield "This run sweeps nothing: it takes little more than the model itself."
    else:
        size = found.memory_bytes / 1e9
        yield f"This run takes about {size:.2f} GB at its peak, the model included."
    wanted, limit = found.stored_bytes, found.limit_bytes
    if wanted is not None and limit is not None:
        said = f"Its result keeps {human_bytes(wanted)} of {stored}"
        yield (
            f"{said}."
            if wanted <= limit
            else f"{said}, and at most {human_bytes(limit)} are stored: only small pictures and "
            "entropies are kept, and --json and .npz need fewer --layers or --heads."
        )
