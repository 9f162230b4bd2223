"""No text of a table is a formula where a spreadsheet opens it."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.session.export_table import table_of, to_tsv
from desktop_app.session.exports import export
from desktop_app.session.store import Session
from desktop_app.text.cells import begins_formula, plain_cell
from desktop_app.text.prompts import read_prompts, write_prompts
from tests.samples import stored

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "- 3"]
NUMBERS = ["-1.5", "+3", "-1e-05", "5", "-inf", "nan", "-.5", "0.1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_marked(text):
    assert begins_formula(text)
    assert plain_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", [*NUMBERS, "", "a=b", "1 2 3 4 ", "'=x", " x", "Ġ="])
def test_numbers_and_other_texts_stay(text):
    assert plain_cell(text) == text


def test_a_session_with_a_formula_is_exported_without_one(tmp_path):
    record = stored.PromptRecord("=1+1", stored.tokens_of("=", "1", "+", "1"), 3)
    data = {"ids": ((1, 2, 3, 2),), "pieces": (("=1", "1", "+2", "@x"),), "note": "=cmd|x!A0"}
    with Session.create(tmp_path / "a.lens") as session:
        session.add(stored.result_of("tokens", data, prompts=(record,)))
        session.add(stored.rank_result())
        for row in session.rows():
            export(session.load(row.id), tmp_path / f"{row.id}.csv")
            table = to_tsv(table_of(session.load(row.id)))
            assert not any(
                begins_formula(c) for line in table.split("\n") for c in line.split("\t")
            )
    cells = []
    for path in tmp_path.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells += [cell for line in csv.reader(file) for cell in line]
    assert any(cell.startswith("'=") for cell in cells)
    assert not any(map(begins_formula, cells))


def test_numbers_of_a_table_are_numbers(tmp_path):
    result = stored.result_of("ablate", {"base": np.array([-1.5, np.inf]), "kept": "=1"})
    export(result, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert ",-1.5" in text
    assert ",'=1" in text


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_prompts_come_back_to_the_letter(tmp_path, ending):
    rows = [
        PromptRow(text="=1+1", corrupt="'=x", answer=("-5", "@a"), wrong=("'",)),
        PromptRow(text="'=quoted", answer=("5",), wrong=("-x",)),
        PromptRow(text="plain"),
        PromptRow(text="\t tab"),
    ]
    path = tmp_path / f"prompts.{ending}"
    write_prompts(path, rows)
    assert list(read_prompts(path)) == rows
    if ending == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not any(map(begins_formula, cells))


def test_tables_without_formulas_are_as_they_were(tmp_path):
    write_prompts(tmp_path / "a.csv", [PromptRow(text="-5")])
    assert (
        tmp_path / "a.csv"
    ).read_text() == '"prompt","corrupt","answer","wrong"\n"-5","","",""\n'


def test_an_apostrophe_of_somebody_elses_file_stays(tmp_path):
    (tmp_path / "a.csv").write_text("prompt\n'=x\n")
    assert read_prompts(tmp_path / "a.csv")[0].text == "'=x"
