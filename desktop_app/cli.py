"""The command line: `lensbench run …` and its helpers, a thin layer over `compute` and `session`.

Standard output carries what was asked for and nothing else; progress and warnings go to standard
error. Errors are one line, and no traceback reaches a user without `--debug`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError
from typing_extensions import override

from desktop_app import cli_options, cli_plugins
from desktop_app.contract.registry import ANALYSES, problems
from desktop_app.contract.requests import EstimateRun, LoadModel, RunAnalysis, RunEstimate
from desktop_app.support import installed, paths, unfinished
from desktop_app.support.errors import BadInputError, Cancelled, LensbenchError, ModelLoadError
from desktop_app.support.terminal import PlainStream, one_line, printable, put_json, put_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.cli_prompts import Printed
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Analysis

INTERRUPTED = 130
BAD_INPUT = 2
DIFFERENT = 1


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    debug = "--debug" in arguments
    given = [a for a in arguments if a != "--debug"]
    with warnings.catch_warnings():
        if not debug:  # libraries name lines of code; what a user is to know is a notice
            warnings.showwarning = lambda *_told, **_rest: None
        return _perform(given, debug=debug)


def _perform(arguments: list[str], *, debug: bool) -> int:
    try:
        code = cli.main(arguments, prog_name="lensbench", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help(), file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, Cancelled, click.Abort):
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: even a bug becomes one line
        if debug:
            sys.stderr.write(printable(traceback.format_exc()))
        return _say(*_explain(error))
    return int(code or 0)


def _explain(error: Exception) -> tuple[str, int]:
    """Return an error's sentence and its exit status."""
    if isinstance(error, click.ClickException):
        return error.format_message(), BAD_INPUT
    if isinstance(error, ValidationError):
        return _first_problem(error), BAD_INPUT
    if isinstance(error, LensbenchError):
        return str(error), error.exit_code
    problem = installed.compute_problem() if isinstance(error, ImportError) else None
    if problem is not None:
        return problem, ModelLoadError.exit_code
    return f"unexpected {type(error).__name__}: {error}; run again with --debug and report it", 1


def _say(message: str, code: int) -> int:
    print(f"lensbench: {one_line(message)}", file=sys.stderr)
    return code


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = str(next(iter(problem["loc"]), "prompt"))
    message = problem["msg"].removeprefix("Value error, ")
    return f"--{place.replace('_', '-')}: {message}."


def _warn(message: str, code: str = "") -> None:
    print(f"{f'warning {code}'.rstrip()}: {one_line(message)}", file=sys.stderr)


@contextlib.contextmanager
def _libraries_held_back() -> Iterator[None]:
    """Let what libraries print go to standard error, and none of it steer the terminal."""
    plain_words = PlainStream(sys.stderr)
    with contextlib.redirect_stdout(plain_words), contextlib.redirect_stderr(plain_words):
        yield


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from desktop_app import cli_doctor

        put_line(cli_doctor.version())
        ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Say which version this is.",
)
def cli() -> None:
    """Lensbench: a workbench for mechanistic interpretability."""


class _Analyses(click.Group):
    """A command for each analysis, made of its Params when `run` is asked for."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _libraries_held_back():  # other packages may print
            self.commands = {name: _command(analysis) for name, analysis in ANALYSES.items()}
        for problem in problems():
            _warn(problem)
        return super().parse_args(ctx, args)


@cli.group(cls=_Analyses)
def run() -> None:
    """Run one analysis headless."""


def _command(analysis: Analysis) -> click.Command:
    def command(**options: Any) -> None:
        _run_analysis(analysis, options)

    options = [*cli_options.common_options(), *cli_options.own_options(analysis.params)]
    return click.Command(analysis.name, callback=command, params=options, help=analysis.summary)


def _run_analysis(analysis: Analysis, options: dict[str, Any]) -> None:
    as_json, out = options.pop("as_json"), options.pop("out")
    budget, only_estimate = options.pop("memory"), options.pop("estimate")
    if out is not None:
        from desktop_app.session.keeping import check_target

        cli_options.check_ending(out)
        check_target(Path(out))
    installed.require_compute()
    from desktop_app.jobs.service import Service

    unfinished.tidy()
    spec = cli_options.model_spec(options)
    params = cli_options.make_params(analysis.params, options)
    reporter = cli_options.TerminalReporter(analysis.name, analysis.stored)
    service = Service()
    # Libraries that print must not spoil the output.
    with _libraries_held_back():
        service.perform(LoadModel(spec), reporter)
        must_fit = not only_estimate and (as_json or _is_data(out))
        request = RunAnalysis(analysis.name, params, budget, stored_bytes(), must_fit)
        answer = service.perform(EstimateRun(request) if only_estimate else request, reporter)
    reporter.end()
    if only_estimate:
        _out_estimate(answer, analysis.stored, as_json=as_json)
        return
    for notice in answer.warnings:
        _warn(notice.message, notice.code)
    try:
        if out is not None:
            from desktop_app.session.keeping import keep

            keep(answer, Path(out))
    finally:
        _print_result(answer, as_json=as_json, as_table=out is None)


def _print_result(result: Result, *, as_json: bool, as_table: bool) -> None:
    if as_json:
        from desktop_app.session.exports import to_json_text

        put_json(to_json_text(result))
    elif as_table:
        from desktop_app.pictures.text_tables import as_text

        put_line(as_text(result))


def _is_data(out: str | None) -> bool:
    """Return whether a file of numbers is wanted, which holds all of a result or is none."""
    return out is not None and not out.lower().endswith(".lens")


def stored_bytes() -> int:
    """Return what a result may keep of patterns, as the window's settings say."""
    from desktop_app.window.settings import load_settings

    return load_settings(paths.config_dir()).stored_mb * 1_000_000


def _out_estimate(found: RunEstimate, stored: str, *, as_json: bool) -> None:
    if as_json:
        put_json(json.dumps(dataclasses.asdict(found)))
        return
    for line in cli_options.estimate_lines(found, stored):
        put_line(line)


class _Families(click.Group):
    """A command for each family of prompts, made when `prompts` is asked for."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from desktop_app import cli_prompts

        self.commands = cli_prompts.commands(_show)
        return super().parse_args(ctx, args)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from desktop_app.text.made.families import find_family

        return super().get_command(ctx, find_family(cmd_name).name)


@cli.group(cls=_Families, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
@click.pass_context
def prompts(ctx: click.Context, *, as_json: bool) -> None:
    """Make a family's prompts, with corrupt twins and a reference set; alone: list the families."""
    if ctx.invoked_subcommand is None:
        from desktop_app import cli_prompts

        listed = cli_prompts.listing(as_json=as_json)
        (put_json if as_json else put_line)(listed)


def _show(printed: Printed) -> None:
    for sentence in printed.sentences:
        print(one_line(sentence), file=sys.stderr)
    if printed.text:
        (put_json if printed.is_json else put_line)(printed.text)


cli.add_command(cli_plugins.group(put_line, put_json, _warn))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def models(*, as_json: bool) -> None:
    """List the models at hand, with the memory that each needs."""
    from desktop_app.engine.catalogue import list_models

    rows = list_models()
    if as_json:
        names = ("name", "path", "installed", "parameters", "bytes_needed")
        put_json(json.dumps([{n: getattr(row, n) for n in names} for row in rows], indent=1))
        return
    for row in rows:
        state = "installed" if row.installed else f"lensbench fetch {row.name}"
        size = "?" if row.parameters is None else f"{row.parameters / 1e6:,.1f} M"
        put_line(f"{row.name:<24} {size:>12}  {state}")


@cli.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Fetch a model pack of the catalogue (needs the network)."""
    from desktop_app.engine.packs.pack import fetch_pack

    reporter = cli_options.TerminalReporter("fetch")
    with _libraries_held_back():
        folder = fetch_pack(name, reporter.step)
    reporter.end()
    put_line(str(folder))


@cli.command()
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def results(session: str, *, as_json: bool) -> None:
    """List the results of a session."""
    from desktop_app.session.store import Session

    with Session.open(session) as opened:
        if opened.notice:
            _warn(opened.notice)
        rows = opened.rows()
    names = ("id", "analysis", "title", "created", "model")
    if as_json:
        put_json(json.dumps([{n: getattr(r, n) for n in names} for r in rows], indent=1))
        return
    for row in rows:
        line = f"{row.id:>4}  {row.analysis:<10} {row.created}  {row.model}  {row.title}"
        put_line(line.replace("\n", "⏎"))


@cli.command()
@click.argument("session")
@click.option("--result", "result_id", type=int, required=True, help="Its id in `results`.")
@click.option(
    "--out",
    required=True,
    help="A file ending in .json, .npz or .csv (numbers), .mib.json (a circuit of edges as MIB's), "
    ".png, .svg or .pdf (its picture), .py or .ipynb (a script that computes it anew, without "
    "Lensbench).",
)
@click.option(
    "--scale", type=click.FloatRange(1, 4), default=2.0, help="Pixels per point of a .png."
)
def export(session: str, result_id: int, out: str, scale: float) -> None:
    """Write one result of a session to a file."""
    from desktop_app.session import exports
    from desktop_app.session.store import Session

    exports.check_ending(out)
    with Session.open(session) as opened:
        titles = {row.id: row.title for row in opened.rows()}
        if result_id not in titles:
            raise BadInputError(f"--result {result_id} is not in {session}: see lensbench results.")
        result = opened.load(result_id)
        if exports.is_picture(out):
            from desktop_app.window.exports.pictures import draw_result

            draw_result(result, Path(out), scale=scale, title=titles[result_id])
        else:
            exports.export(result, out, titles[result_id])


@cli.command()
@click.argument("left", metavar="A.lens")
@click.argument("right", metavar="B.lens")
@click.option("--tolerance", type=float, default=1e-6, help="Differences up to this are none.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def diff(left: str, right: str, *, tolerance: float, as_json: bool) -> int:
    """Compare two sessions result by result; exit status 1 where they differ."""
    from desktop_app.session.diff import compare_sessions
    from desktop_app.session.store import Session

    with Session.open(left) as one, Session.open(right) as two:
        found = compare_sessions(one, two, tolerance)
    if as_json:
        put_json(json.dumps(found.to_json(), indent=1))
    else:
        put_line("\n".join(found.lines()))
    return 0 if found.equal else DIFFERENT


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(*, as_json: bool) -> None:
    """Say what this machine has and lacks; the viewer says what it cannot do."""
    from desktop_app import cli_doctor
    from desktop_app.support.facts import as_lines

    with _libraries_held_back():
        found = cli_doctor.examine()
    if as_json:
        put_json(json.dumps(found, indent=1))
        return
    for line in as_lines(found):
        put_line(one_line(line))
