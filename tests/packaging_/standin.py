"""A folder that looks like the built program to whoever packs it."""

from __future__ import annotations

import os


def stand_in(folder, words="stand-in"):
    """Make one that says some words and its arguments; with a link, a library and odd modes."""
    inside = folder / "_internal"
    inside.mkdir(parents=True)
    program = folder / "lensbench"
    program.write_text(f'#!/bin/sh\necho "{words}" "$@"\n')
    program.chmod(0o4711)
    (inside / "part.so.1").write_bytes(b"library")
    (inside / "part.so.1").chmod(0o777)
    (inside / "part.so").symlink_to("part.so.1")
    for name, said in (("module.py", "#!/usr/bin/env python3\n"), ("LICENSE", "Do as you like.\n")):
        (inside / name).write_text(said)
        (inside / name).chmod(0o755)
    (inside / "a file").write_text("with a space in its name")
    (inside / "a file").chmod(0o600)
    os.utime(inside / "a file", (1, 1))
    return folder
