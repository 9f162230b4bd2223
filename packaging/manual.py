"""The manual page and the completion of the command line, from the command line's own words."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    ("~/.local/share/Lensbench", "Model packs, plug-ins, and sessions that were not saved."),
    ("~/.config/Lensbench", "Settings."),
    ("~/.local/state/Lensbench/log", "Logs and reports of crashes."),
)
_STATUSES = (
    ("0", "What was asked for was done."),
    ("1", "Sessions differ, or something failed."),
    ("2", "An argument or a file is not right."),
    ("3", "A model cannot be loaded, or this is the viewer, which runs none."),
    ("130", "It was interrupted."),
)


def page(version: str, epoch: int) -> str:
    """Return the manual page in roff.

    Args:
        version: The version that the page names.
        epoch: The seconds since 1970 that it is dated by.
    """
    group = _group()
    date = datetime.datetime.fromtimestamp(epoch, datetime.UTC).date().isoformat()
    lines = [
        f'.TH LENSBENCH 1 "{date}" "Lensbench {version}" "User Commands"',
        *(".SH NAME", r"lensbench \- look inside language models"),
        *(".SH SYNOPSIS", ".B lensbench", r".RI [ FILE .lens]", ".br", ".B lensbench"),
        r".I COMMAND\fR [\fIARGUMENTS\fR]",
        *(".SH DESCRIPTION", _roff(_sentence(group.help)), ".PP"),
        "Without a command the window opens, with the session that is named.",
        "Where there is no display, the worked example is computed and written to the folder out.",
        ".SH COMMANDS",
    ]
    for name, command in _commands(group):
        lines += [".TP", f".B {_roff(name)}", _roff(_sentence(command.help))]
        if isinstance(command, click.Group):
            names = ", ".join(inner for inner, _ in _commands(command))
            lines += [_roff(f"One of: {names}.")]
    lines += [".PP", "What a command takes is said by", r".B lensbench COMMAND \-\-help"]
    lines += [".SH ENVIRONMENT", ".TP", ".B LENSBENCH_HOME"]
    lines += ["The one folder that then holds data, settings and logs.", ".SH FILES"]
    for place, what in _FILES:
        lines += [".TP", f".I {_roff(place)}", what]
    lines += [".SH EXIT STATUS"]
    for code, what in _STATUSES:
        lines += [".TP", f".B {code}", what]
    return "\n".join(lines) + "\n"


def completion() -> str:
    """Return what bash completes: commands, what follows each, and options; files elsewhere.

    The words are written out, so that a press of Tab does not start the program.
    """
    cases = []
    for path, command in _walk(_group(), ()):
        words = [option for one in command.params for option in one.opts if option[:2] == "--"]
        if isinstance(command, click.Group):
            words += [name for name, _ in _commands(command)]
        cases.append(f'        "{" ".join(path)}") words="{" ".join([*words, "--help"])}" ;;')
    groups = "|".join(name for name, one in _commands(_group()) if isinstance(one, click.Group))
    head = (
        "# bash completion of lensbench",
        "_lensbench() {",
        "    local current=${COMP_WORDS[COMP_CWORD]} first= second= words=",
        "    ((COMP_CWORD > 1)) && first=${COMP_WORDS[1]}",
        f"    [[ $first == @({groups}) ]] && ((COMP_CWORD > 2)) && second=${{COMP_WORDS[2]}}",
        '    case "$first${second:+ $second}" in',
    )
    tail = (
        "    esac",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
        "    if ((COMP_CWORD == 1)); then",
        "        compopt -o filenames",
        "        local sessions",
        "        mapfile -t sessions < <(compgen -f -X '!*.lens' -- \"$current\")",
        '        COMPREPLY+=("${sessions[@]}")',
        "    fi",
        "}",
        "complete -o default -F _lensbench lensbench",
    )
    return "\n".join((*head, *cases, *tail)) + "\n"


def _group() -> click.Group:
    from desktop_app.cli import cli  # noqa: PLC0415 - the program is read when its words are wanted

    return cli


def _commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    # Some groups make their commands when they are asked; nothing is run for that.
    context = group.make_context(group.name, [], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def _walk(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in _commands(command):
            yield from _walk(inner, (*path, name))


def _sentence(text: str | None) -> str:
    """Return the first paragraph of a help text in one line."""
    return re.sub(r"\s+", " ", (text or "").split("\n\n")[0].replace("\b", "")).strip()


def _roff(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return "\\&" + text if text[:1] in (".", "'") else text
