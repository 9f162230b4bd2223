"""Lens results in sessions, files and comparisons."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtGui import QImage

from desktop_app.session.exports import export
from desktop_app.session.store import Session
from desktop_app.window.comparison.view import ComparisonView
from desktop_app.window.exports.pictures import draw_result
from tests.samples import lensed, patching

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    "made", [lensed.changed_result, lensed.alone_result, lensed.ragged_result, lensed.moved_result]
)
def test_what_a_session_gives_back_is_drawn_as_before(make_view, tmp_path, made):
    view = make_view("lens")
    original = made()
    view.show_result(original)
    before = view.read_out()
    with Session.create(tmp_path / "s.lens") as session:
        number = session.add(original)
        view.show_result(session.load(number))
        after = view.read_out()
    assert after["state"] == "result"
    for name in ("headline", "changed", "titles", "cell", "ranking", "legend", "scale"):
        assert after[name] == before[name], name


def test_pictures_of_it_are_files(qapp, tmp_path):
    result = lensed.changed_result()
    draw_result(result, tmp_path / "p.png")
    image = QImage(str(tmp_path / "p.png"))
    assert min(image.width(), image.height()) > 200
    draw_result(result, tmp_path / "p.svg")
    root = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314 - our own
    written = [(e.text or "").strip() for e in root.iter(f"{SVG}text")]
    assert "Clean run" in written
    assert "x" in written  # the tokens are letters


def test_its_table_has_the_layers_from_the_embeddings_to_the_end(tmp_path):
    export(lensed.lens_result(), tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    ranks = [row for row in rows if row["field"] == "answer_rank" and row["position"] == "7"]
    assert [(row["layer"], float(row["value"])) for row in ranks] == [
        ("0", 12.0),
        ("1", 3.0),
        ("2", 0.0),
        ("3", 0.0),
    ]


def test_two_lenses_are_compared_cell_by_cell(qtbot):
    view = ComparisonView()
    qtbot.addWidget(view)
    view.resize(1100, 760)
    several = lensed.lens_result(prompts=(patching.PAIR, patching.OTHER))
    other = lensed.lens_result(
        prompts=(patching.PAIR, patching.OTHER),
        data={"logit_diff_mean": several.data["logit_diff_mean"] + 0.5},
        params={"kind": "jacobian"},
    )
    view.show_pair(several, other, ("logit", "Jacobian"))
    out = view.read_out()
    assert ("kind", "logit", "jacobian") in out["changes"]
    assert np.isfinite(out["map"]).any()
