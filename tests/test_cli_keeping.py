"""`--out`: tried before anything is computed, and nothing that was computed is lost."""

from __future__ import annotations

import json

import pytest

from desktop_app import cli
from desktop_app.jobs import service
from desktop_app.session import keeping
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored


class Computer:
    """Answers at once with a hand-made result, and notes what was asked."""

    asked: list[str]

    def __init__(self):
        Computer.asked = []

    def perform(self, request, report):
        Computer.asked.append(type(request).__name__)
        return stored.rank_result()


@pytest.fixture
def call(capfd, monkeypatch):
    monkeypatch.setattr(service, "Service", Computer)
    Computer.asked = []

    def run(*arguments):
        code = cli.main(["run", "rank", "--prompt", "1 2", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("ending", ["lens", "json", "npz"])
def test_a_target_that_cannot_be_written_costs_no_computing(call, tmp_path, ending):
    (tmp_path / f"folder.{ending}").mkdir()
    (tmp_path / "text.lens").write_text("not a session at all")
    for name in (f"folder.{ending}", f"{'n' * 300}.{ending}", f"gone/x.{ending}", "text.lens"):
        code, out, err = call("--out", tmp_path / name)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert Computer.asked == []


def test_a_session_that_can_only_be_read_costs_no_computing(call, tmp_path, monkeypatch):
    path = tmp_path / "a.lens"
    Session.create(path).close()
    monkeypatch.setattr("desktop_app.session.database.is_writable", lambda path: False)
    code, _out, err = call("--out", path)
    assert code == 2
    assert "reading only" in err
    assert Computer.asked == []


def test_a_result_that_cannot_be_added_is_kept_and_printed(call, tmp_path, monkeypatch):
    path = tmp_path / "a.lens"

    def refused(result, target):
        raise BadInputError("The disk is full: nothing was added.")

    monkeypatch.setattr(keeping, "_add", refused)
    code, out, err = call("--out", path, "--json")
    assert code == 2
    assert json.loads(out)["analysis"] == "rank"
    name = err.partition("kept in “")[2].partition("”")[0]
    with Session.open(name) as session:
        stored.assert_same_result(stored.rank_result(), session.load(1))


def test_results_go_where_they_are_asked_for(call, tmp_path):
    for _ in range(2):
        assert call("--out", tmp_path / "a.lens")[0] == 0
    with Session.open(tmp_path / "a.lens") as session:
        assert [row.id for row in session.rows()] == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["a.lens"]
