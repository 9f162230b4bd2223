"""`lensbench export` and `lensbench diff`, on sessions of hand-made results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app import cli
from desktop_app.session.store import Session
from tests.samples import drawn

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def call(capsys):
    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def session(tmp_path):
    path = tmp_path / "a.lens"
    with Session.create(path) as opened:
        opened.add(drawn.rank_result())
        opened.add(drawn.ablate_result())
    return path


def moved(result, by):
    return replace(result, data={**result.data, "effect": result.data["effect"] + by})


@pytest.mark.parametrize("ending", ["json", "npz", "csv", "py", "ipynb"])
def test_export_writes_each_kind(call, session, tmp_path, ending):
    target = tmp_path / f"r.{ending}"
    assert call("export", session, "--result", 1, "--out", target) == (0, "", "")
    if ending == "npz":
        with np.load(target) as arrays:
            assert "logit_diff" in arrays
    elif ending in {"json", "ipynb"}:
        assert json.loads(target.read_text("utf-8"))
    else:
        assert "logit_diff" in target.read_text("utf-8")


@pytest.mark.gui
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "magic"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml"), ("p.PDF", b"%PDF")]
)
def test_pictures_need_no_screen_and_print_nothing(session, tmp_path, name, magic):
    target = tmp_path / name
    command = ["-m", "desktop_app", "export", session, "--result", 2, "--out", target, "--scale", 1]
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": "."},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("out", "more", "words"),
    [
        ("r.exe", (), ".png, .svg, .pdf"),
        ("r", (), ".json, .npz"),
        ("p.png", ("--scale", "9"), "--scale"),
        ("r.json", ("--result", "7"), "--result 7"),
        ("no/r.json", (), "folder does not exist"),
    ],
)
def test_bad_exports_are_refused_in_one_line(call, session, tmp_path, out, more, words):
    code, told, err = call("export", session, "--result", 2, "--out", tmp_path / out, *more)
    assert (code, told) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_equal_sessions_end_with_0(call, session, tmp_path):
    with Session.open(session) as one:
        one.save_copy(tmp_path / "b.lens")
    code, out, err = call("diff", session, tmp_path / "b.lens")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "2 of 2 results agree within 1e-06."
    assert json.loads(call("diff", session, session, "--json")[1])["equal"]


def test_sessions_that_differ_end_with_1_and_say_where(call, session, tmp_path):
    with Session.create(tmp_path / "b.lens") as other:
        other.add(drawn.rank_result())
        other.add(moved(drawn.ablate_result(), 0.25))
    code, out, _err = call("diff", session, tmp_path / "b.lens")
    assert code == 1
    assert "effect: differs by up to 0.25" in out
    assert call("diff", session, tmp_path / "b.lens", "--tolerance", "0.3")[0] == 0
    found = json.loads(call("diff", session, tmp_path / "b.lens", "--json")[1])
    assert [r["differs"] for r in found["results"]] == [False, True]


@pytest.mark.parametrize("bad", [("--tolerance", "-1"), ("--tolerance", "nan"), ()])
def test_diff_refuses_bad_input_with_2(call, session, tmp_path, bad):
    other = session if bad else tmp_path / "missing.lens"
    code, out, err = call("diff", session, other, *bad)
    assert (code, out) == (2, "")
    assert ("--tolerance" if bad else "missing.lens") in err


def test_what_numpy_warns_of_is_no_word_to_the_user(tmp_path):
    """A program of its own: in the tests a warning is an error."""
    nothing = drawn.ablate_result()
    data = {**nothing.data, "base": np.full_like(nothing.data["base"], np.nan)}
    with Session.create(tmp_path / "a.lens") as opened:
        opened.add(replace(nothing, data={k: v for k, v in data.items() if k != "base_mean"}))
    command = ["export", "a.lens", "--result", "1", "--out", "a.png"]
    done = subprocess.run(
        [sys.executable, "-m", "desktop_app", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
