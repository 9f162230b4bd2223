"""What a Linux desktop wants to know of the program, besides the program itself.

Both the Debian package and the self-extracting installer put these files beneath a `share` folder.
The texts come from the templates in `packaging/linux`, the icons from `icons`, the words of the
manual page from the program's own help, and what is new from `CHANGELOG.md`.
"""

from __future__ import annotations

import datetime
import gzip
import html
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import icons
import manual

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "linux"
MIME = "application-x-lensbench-session"
SUMMARY = "Look inside language models"
VIEWER_SUMMARY = "Look at what was found inside language models"
FULL = (
    "Lensbench opens a language model on your own machine and shows how a prompt is tokenized, "
    "what the model predicts and at which position, which heads matter and where those look. "
    "Heads are ablated and patched, circuits found and tested, and text is steered.",
    "Every number is kept in one session file that opens anywhere, without a network and without "
    "the model, and everything on screen can be exported, also as a Python script that recomputes "
    "it.",
)
VIEWER = (
    "This is the viewer: it opens, draws, compares and exports the sessions of Lensbench, a "
    "workbench for mechanistic interpretability of language models, and holds no library that "
    "runs a model.",
    "It needs neither a network nor the model that a session was made with. Who wants to run "
    "models installs the full Lensbench in its place.",
)
_MOST_NEWS = 12


def share_files(version: str, *, viewer: bool, program: str) -> dict[str, bytes]:
    """Return the content of each file, by its path beneath `share`.

    Args:
        version: The version that is packaged.
        viewer: Whether it is the one that runs no models.
        program: What the desktop starts: a name that is on the `PATH`, or an absolute path.
    """
    words = {
        "NAME": "Lensbench Viewer" if viewer else "Lensbench",
        "SUMMARY": VIEWER_SUMMARY if viewer else SUMMARY,
        "PROGRAM": program,
        "VERSION": version,
        "DATE": datetime.datetime.fromtimestamp(epoch(), datetime.UTC).date().isoformat(),
    }
    files = {
        "applications/lensbench.desktop": template("lensbench.desktop", words).encode(),
        "mime/packages/lensbench.xml": template("lensbench.xml", {}).encode(),
        "metainfo/org.lensbench.lensbench.metainfo.xml": metainfo(words, viewer=viewer),
        "man/man1/lensbench.1.gz": packed(manual.page(version, epoch())),
        "bash-completion/completions/lensbench": manual.completion().encode(),
    }
    return {**files, **_icons()}


def metainfo(words: Mapping[str, str], *, viewer: bool) -> bytes:
    """Return what software centres show: AppStream's description of the program."""
    paragraphs = VIEWER if viewer else FULL
    items = "\n".join(f"          <li>{_safe(item)}</li>" for item in news(words["VERSION"]))
    news_list = f"        <ul>\n{items}\n        </ul>" if items else "        <p>See above.</p>"
    texts = {
        **{name: _safe(word) for name, word in words.items()},
        "DESCRIPTION": "\n".join(f"    <p>{_safe(text)}</p>" for text in paragraphs),
        "NEWS": news_list,
    }
    return template("lensbench.metainfo.xml", texts).encode()


def template(name: str, words: Mapping[str, str]) -> str:
    """Return a text of `packaging/linux` with every `@WORD@` replaced.

    Raises:
        ValueError: A word of the template is not among those given.
    """
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    missing = set(re.findall(r"@([A-Z0-9_]+)@", text)) - set(words)
    if missing:
        raise ValueError(f"packaging/linux/{name} wants {', '.join(sorted(missing))}.")
    return re.sub(r"@([A-Z0-9_]+)@", lambda match: words[match[1]], text)


def news(version: str) -> list[str]:
    """Return the first entries of a version in `CHANGELOG.md`, without its marks.

    Where the version has no entry of its own, those that are not released yet are taken.
    """
    sections: dict[str, list[str]] = {}
    for part in re.split(r"^## ", changelog(), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        items = re.findall(r"^- (.*(?:\n  .*)*)", body, flags=re.MULTILINE)
        sections[heading.split()[0].strip("[]")] = [_plain(item) for item in items]
    return sections.get(version, sections.get("Unreleased", []))[:_MOST_NEWS]


def changelog() -> str:
    """Return the text of `CHANGELOG.md`."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def epoch() -> int:
    """Return the time that every file of a package bears, so that a second build is the same.

    `SOURCE_DATE_EPOCH` names it; else it is that of the last commit, or of the changelog.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdigit():
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        told = ""
    return int(told) if told.isdigit() else int((ROOT / "CHANGELOG.md").stat().st_mtime)


def packed(text: str | bytes) -> bytes:
    """Return a text or bytes in gzip's format, without the time at which that was done."""
    data = text.encode() if isinstance(text, str) else text
    return gzip.compress(data, 9, mtime=0)


def _icons() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        drawn = {name: path.read_bytes() for name, path in icons.write(Path(folder)).items()}
    files = {}
    for name, group, shown in (("lensbench", "apps", "lensbench"), ("session", "mimetypes", MIME)):
        for size in icons.SIZES:
            place = f"icons/hicolor/{size}x{size}/{group}/{shown}.png"
            files[place] = drawn[f"{name}-{size}.png"]
        files[f"icons/hicolor/scalable/{group}/{shown}.svg"] = drawn[f"{name}.svg"]
    return files


def _plain(item: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*`]", "", item)).strip()


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
