"""`lensbench plugins`: what others wrote for the installed program, listed, added and switched."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from desktop_app.contract.registry import ANALYSES, problems
from desktop_app.support import plugin_state
from desktop_app.support.errors import BadInputError
from desktop_app.support.terminal import PlainStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.support.plugins import Plugin

TRUST = (
    "A plug-in is a program: once it is on, it may do all that you may. Switch on only what you "
    "trust."
)
_LABEL = 14


def group(
    out: Callable[[str], None], out_json: Callable[[str], None], warn: Callable[[str], None]
) -> click.Group:
    """Return the command `plugins` with its own.

    Args:
        out: Prints text to standard output.
        out_json: The same for JSON.
        warn: Says a sentence on standard error.
    """
    made = click.Group(
        "plugins",
        callback=_listing(out, out_json),
        invoke_without_command=True,
        params=[click.Option(["--json", "as_json"], is_flag=True, help="Print rows as JSON.")],
        help=f"List the plug-ins; add, switch and remove them. {TRUST}",
        short_help="List the plug-ins; add, switch and remove them.",
    )
    replacing = click.Option(
        ["--replace"], is_flag=True, help="Let it take the place of one of its name."
    )
    agreeing = click.Option(["--yes"], is_flag=True, help="Remove it without asking.")
    file, name = click.Argument(["file"], metavar="FILE.whl"), click.Argument(["name"])
    for title, told, does, params in (
        ("add", "Unpack a wheel among the plug-ins; it is off at first.", _add, [file, replacing]),
        ("on", "Switch a plug-in on.", _on, [name]),
        ("off", "Switch a plug-in off.", _off, [name]),
        ("remove", "Remove a plug-in with its files.", _remove, [name, agreeing]),
    ):
        callback = _printing(does, out, warn)
        made.add_command(click.Command(title, callback=callback, params=list(params), help=told))
    return made


def _printing(
    does: Callable[..., list[str]], out: Callable[[str], None], warn: Callable[[str], None]
) -> Callable[..., None]:
    """Return a command that prints the first sentence and warns of the others."""

    def command(**given: Any) -> None:
        first, *others = does(**given)
        out(first)
        for sentence in others:
            warn(sentence)

    return command


def _listing(out: Callable[[str], None], out_json: Callable[[str], None]) -> Callable[..., None]:
    @click.pass_context
    def listing(context: click.Context, /, *, as_json: bool) -> None:
        if context.invoked_subcommand is not None:
            return
        from desktop_app.support import plugins  # noqa: PLC0415 - commands start fast

        there = plugins.found()
        if as_json:
            out_json(json.dumps([_row(plugin) for plugin in there], indent=1))
        elif there:
            out("\n".join(line for plugin in there for line in _lines(plugin)))
        else:
            folder = plugin_state.plugins_dir()
            out(f"There are no plug-ins in {folder}: add one by lensbench plugins add FILE.whl.")

    return listing


def _row(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "summary": plugin.summary,
        "analyses": [name for name, _ in plugin.offers],
        "on": plugin.is_on,
        "problem": plugin.problem,
        "lacks": list(plugin.lacks),
        "notes": list(plugin.notes),
        "folder": str(plugin.folder),
    }


def _lines(plugin: Plugin) -> list[str]:
    told = {
        "analyses": ", ".join(name for name, _ in plugin.offers),
        "lacks": ", ".join(plugin.lacks),
        "note": " ".join(plugin.notes),
        "problem": plugin.problem,
        "folder": str(plugin.folder),
    }
    head = f"{'on' if plugin.is_on else 'off':<5}{plugin.name} {plugin.version}  {plugin.summary}"
    return [
        head.rstrip(),
        *(f"     {label:<{_LABEL - 5}}{words}" for label, words in told.items() if words),
    ]


def _add(file: str, *, replace: bool) -> list[str]:
    from desktop_app.support import plugin_wheels  # noqa: PLC0415 - commands start fast

    try:
        plugin = plugin_wheels.add(Path(file), replace=replace)
    except plugin_wheels.ThereAlreadyError as error:
        there = f"{error.old.name} {error.old.version}".rstrip()
        _require(f"{there} is there: let version {error.version} take its place?", "--replace")
        plugin = plugin_wheels.add(Path(file), replace=True)
    state = "on" if plugin.is_on else f"off. {TRUST} Then: lensbench plugins on {plugin.key}"
    return [f"{plugin.name} {plugin.version} is added and {state}", *_to_know(plugin)]


def _on(name: str) -> list[str]:
    from desktop_app.support import plugins  # noqa: PLC0415 - commands start fast

    plugin = plugins.switch(name, on=True)
    plain = PlainStream(sys.stderr)  # it is imported now, and may print
    with contextlib.redirect_stdout(plain), contextlib.redirect_stderr(plain):
        ANALYSES.forget()
        told = problems()
    there = [n for n, package in plugin.offers if ANALYSES.package(n) == package]
    then = f"; then: lensbench run {there[0]} --help" if there else ""
    return [f"{plugin.name} {plugin.version} is on{then}", *_to_know(plugin), *told]


def _off(name: str) -> list[str]:
    from desktop_app.support import plugins  # noqa: PLC0415 - commands start fast

    plugin = plugins.switch(name, on=False)
    return [f"{plugin.name} {plugin.version}".rstrip() + " is off"]


def _remove(name: str, *, yes: bool) -> list[str]:
    from desktop_app.support import plugin_wheels, plugins  # noqa: PLC0415 - commands start fast

    plugin = plugins.find(name)
    if not yes:
        _require(f"Remove {plugin.name} with all that is in {plugin.folder}?", "--yes")
    plugin_wheels.remove(name)
    return [f"{plugin.name} {plugin.version}".rstrip() + " is removed"]


def _to_know(plugin: Plugin) -> list[str]:
    lacks = f"{plugin.name} lacks {', '.join(plugin.lacks)}: it may not work."
    notes = [f"{plugin.name}: {note}" for note in (*plugin.notes, plugin.problem) if note]
    return [*([lacks] if plugin.lacks else []), *notes]


def _require(question: str, option: str) -> None:
    """Ask at a terminal; elsewhere nobody can answer, and the option has to say it.

    Raises:
        BadInputError: Nobody can be asked.
        click.Abort: The answer was no.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadInputError(f"{question} Say so by {option}.")
    click.confirm(question, abort=True, err=True)
