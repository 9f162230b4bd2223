"""`lensbench prompts`: a family's prompts on the command line, an option per field of its form."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from desktop_app import cli_options
from desktop_app.contract.registry import find, serving
from desktop_app.contract.requests import LoadModel, MakePrompts, RunAnalysis
from desktop_app.jobs.service import Service
from desktop_app.pictures.gate import judge, summary
from desktop_app.support.errors import BadInputError
from desktop_app.text.made.families import FAMILIES
from desktop_app.text.made.making import make
from desktop_app.text.prompts import prompts_text, write_prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.params import PromptRow
    from desktop_app.pictures.gate import TaskGate
    from desktop_app.text.made.families import PromptFamily
    from desktop_app.text.made.forms import Form
    from desktop_app.text.made.making import Made

_ENDINGS = (".csv", ".jsonl")
_OF_MODEL = frozenset(
    {"model", "device", "dtype", "offload", "weights", "layernorm", "offline", "bos"}
)
_USUAL = "smollm2"


@dataclass(frozen=True)
class Printed:
    """What goes to standard output, and the sentences for standard error."""

    text: str
    is_json: bool
    sentences: tuple[str, ...]


def commands(show: Callable[[Printed], None]) -> dict[str, click.Command]:
    """Return a command for each family; `show` is given what a command has to say."""
    return {family.name: _command(family, show) for family in FAMILIES}


def listing(*, as_json: bool) -> str:
    """Return the families there are."""
    names = ("name", "title", "summary", "example")
    if as_json:
        return json.dumps([{n: getattr(f, n) for n in names} for f in FAMILIES], indent=1)
    width = max(len(family.summary) for family in FAMILIES)
    return "\n".join(f"{f.name:<13} {f.summary:<{width}}  {f.example}" for f in FAMILIES)


def _command(family: PromptFamily, show: Callable[[Printed], None]) -> click.Command:
    @click.pass_context
    def command(context: click.Context, /, **options: Any) -> None:
        given = {
            name: value
            for name, value in options.items()
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT
        }
        form = {name: given[name] for name in family.form.stored_fields() if name in given}
        show(_perform(family, family.form(**form), options))

    options = [*cli_options.own_options(family.form), *_common()]
    text = f"{family.summary} Example: {family.example}"
    return click.Command(family.name, callback=command, params=options, help=text)


def _common() -> list[click.Parameter]:
    """Return the options that every family has: output, model, gate."""
    option = click.Option
    of_model = [one for one in cli_options.common_options() if one.name in _OF_MODEL]
    for one in of_model:
        if one.name == "model":
            one.default = None
    return [
        option(["--out"], metavar="FILE", help="Write the prompts to a .csv or .jsonl file."),
        option(
            ["--reference-out"],
            metavar="FILE",
            help="Write the reference prompts for means, a .csv or .jsonl file.",
        ),
        option(
            ["--only-done"],
            is_flag=True,
            help="Keep only the prompts that the model does: the answer on top, and more than "
            f"twice as likely as the wrong one (without --model: {_USUAL}).",
        ),
        option(["--json", "as_json"], is_flag=True, help="Print prompts, reference and counts."),
        *of_model,
    ]


def _perform(family: PromptFamily, form: Form, options: dict[str, Any]) -> Printed:
    out, reference_out = options["out"], options["reference_out"]
    _check_files(out, reference_out)
    if options["only_done"] and options["model"] is None:
        options["model"] = _USUAL
    gate = None
    if options["model"] is None:
        made = make(family.name, form)
    else:
        made, gate = _with_model(family, form, options)
    said = list(made.sentences())
    if not made.prompts:
        raise BadInputError(
            f"{family.name} gives no prompt: {_first_reason(made)}; choose other settings."
        )
    if gate is not None:
        said += summary(gate)
        made = _only_done(made, gate)
        said.append(f"{len(made.prompts):,} kept, {len(made.reference):,} for reference.")
    if reference_out is not None and not made.reference:
        raise BadInputError(
            f"--reference-out {reference_out}: there are no reference prompts; raise --references."
        )
    if out is not None:
        write_prompts(out, made.prompts)
    if reference_out is not None:
        write_prompts(reference_out, made.reference)
    return Printed(_shown(made, gate, options), options["as_json"], tuple(said))


def _with_model(
    family: PromptFamily, form: Form, options: dict[str, Any]
) -> tuple[Made, TaskGate | None]:
    """Make prompts with a model's tokenizer and, where it is asked, what the model does of them."""
    only_done, bos = options["only_done"], options["bos"]
    reporter, service = cli_options.TerminalReporter(family.name), Service()
    service.perform(LoadModel(cli_options.model_spec(options)), reporter)
    made: Made = service.perform(MakePrompts(family.name, form, bos), reporter)
    gate = None
    if only_done and made.prompts:
        ranking = find(serving("next_tokens")[0])
        params = ranking.params(prompts=made.prompts, bos=bos)
        gate = judge(service.perform(RunAnalysis(ranking.name, params), reporter))
    reporter.end()
    return made, gate


def _only_done(made: Made, gate: TaskGate) -> Made:
    if not gate.count:
        raise BadInputError(f"--only-done keeps no prompt. {gate.sentence}")
    return made.narrowed(gate.done)


def _first_reason(made: Made) -> str:
    return made.dropped[0].reason if made.dropped else "nothing was tried"


def _check_files(*files: str | None) -> None:
    """Refuse files that cannot be written, before anything is made.

    Raises:
        BadInputError: An ending or a folder is wrong, or both files are one.
    """
    real = [os.path.realpath(os.path.expanduser(file)) for file in files if file is not None]
    for option, file in zip(("--out", "--reference-out"), files, strict=True):
        if file is None:
            continue
        if not file.lower().endswith(_ENDINGS):
            raise BadInputError(f"{option} {file} must end in .csv or .jsonl: rename it.")
        folder = Path(os.path.realpath(os.path.expanduser(file))).parent
        if not folder.is_dir():
            raise BadInputError(f"{option} {file}: its folder does not exist; make it first.")
    if len(set(real)) < len(real):
        raise BadInputError("--out and --reference-out are the same file: choose two.")


def _shown(made: Made, gate: TaskGate | None, options: dict[str, Any]) -> str:
    """Return what standard output is given: an object, or the table where no file was asked."""
    if options["as_json"]:
        return json.dumps(_object(made, gate), indent=1)
    return "" if options["out"] is not None else prompts_text(made.prompts).rstrip("\n")


def _object(made: Made, gate: TaskGate | None) -> dict[str, Any]:
    return {
        "family": made.family,
        "form": made.form.model_dump(),
        "prompts": _rows(made.prompts),
        "reference": _rows(made.reference),
        "tokens": list(made.lengths),
        "tried": made.tried,
        "dropped": [{"reason": d.reason, "count": d.count} for d in made.dropped],
        "measured": made.measured,
        "done": None if gate is None else {"count": gate.count, "of": len(gate.done)},
    }


def _rows(rows: Sequence[PromptRow]) -> list[dict[str, Any]]:
    """Return rows as the objects that a .jsonl of them holds."""
    return [json.loads(line) for line in prompts_text(rows, as_json=True).splitlines()]
