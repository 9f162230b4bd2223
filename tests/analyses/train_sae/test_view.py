"""The view of a training: curves while it goes on, how good it is, and the way to its features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from desktop_app.analyses.train_sae import picture as data_of
from desktop_app.analyses.train_sae import run as train_sae
from desktop_app.analyses.train_sae.explain import WHATS, explain
from desktop_app.analyses.train_sae.spec import TrainSaeParams
from desktop_app.contract.registry import hook
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.facts import Place
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.store import Session
from desktop_app.support import autoencoder_folder
from tests.models import named

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

WORDS = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. "


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a function that trains one of the toy among the autoencoders of Lensbench."""
    path = tmp_path_factory.mktemp("texts") / "text.txt"
    path.write_text(WORDS * 40, "utf-8")

    def train(**settings):
        small = {"window": 16, "tokens": 600, "features": 30, "steps": 12, "batch": 32}
        params = TrainSaeParams(text=str(path), **{**small, **settings})
        return train_sae.run(named("toy"), params, SilentReporter())

    return train


def partial_of(result, steps):
    return {name: result.data[name][:steps] for name in ("loss", "l0", "dead")}


def test_it_says_how_good_it_is_and_opens_its_features(make_view, heard, trained):
    result, view = trained(), make_view("train_sae")
    intents, messages = heard(view.intent_raised), heard(view.message_requested)
    assert not view.open.isEnabled()
    view.show_result(result)
    shown = view.read_out()
    explained = 100 * result.data["variance_explained"]
    assert f"{explained:.0f}" in shown["told"]
    assert shown["told"].endswith("of 30 features a token")
    assert f"measured on {result.data['tokens_held_out']} others" in shown["details"]
    assert "12 steps" in shown["details"]
    assert "text.txt" in shown["details"]
    np.testing.assert_array_equal(shown["loss"].lines[0].values, result.data["loss"])
    np.testing.assert_array_equal(shown["l0"].lines[0].values, result.data["l0"])
    (mark,) = shown["l0"].marks
    assert (mark.value, mark.text) == (result.data["l0_end"], "")  # words would lie on the curve
    assert f"held out: {result.data['l0_end']:.1f}" in shown["legend"][1]
    np.testing.assert_array_equal(shown["dead"].lines[0].values, 100 * result.data["dead"])
    assert shown["loss"].text(2) == f"Step 3\nloss {data_of.number(result.data['loss'][2], 4)}"
    QTest.mouseClick(view.open, Qt.MouseButton.LeftButton)
    assert shown["written"] == f"Written to {data_of.place_of(result)}"
    view.copy.click()
    assert QApplication.clipboard().text() == str(data_of.place_of(result))
    assert len(messages) == 1
    messages.clear()
    ((intent,),) = intents
    assert intent.name == "features_with"
    folder = Path(intent.data["sae"])
    assert folder.parent == autoencoder_folder.folder()
    assert (folder / "cfg.json").is_file()
    rmtree(folder)
    view.open.click()
    assert len(intents) == 1
    assert "Train it again" in messages[0][0]


def test_the_curves_are_drawn_as_they_come(make_view, trained):
    result, view = trained(steps=20), make_view("train_sae")
    view.show_busy(True)
    for steps in (5, 10):
        view.show_partial(partial_of(result, steps))
        shown = view.read_out()
        assert len(shown["loss"].lines[0].values) == steps
        assert shown["told"].startswith(f"Step {steps}")
        assert not shown["can_open"]
        assert not shown["legend"]
    view.show_busy(False)
    view.show_result(result)
    assert view.read_out()["can_open"]


def test_a_stopped_training_is_drawn_and_opened(make_view, trained):
    result, view = trained(), make_view("train_sae")
    data = {**result.data, **partial_of(result, 4), "partial": "Stopped before step 5 of 12."}
    view.show_result(replace(result, data=data))
    assert "4 steps" in view.read_out()["details"]
    assert view.open.isEnabled()


def test_long_trainings_are_drawn_in_means(make_view):
    values = np.arange(2_500.0)
    x, y = data_of.binned(values)
    assert len(x) == 834  # three steps each
    np.testing.assert_allclose(y[:3], [1, 4, 7])
    np.testing.assert_allclose(x[:3], [2, 5, 8])
    assert (x[-1], y[-1]) == (2_500, 2_499)  # the last one alone
    x, y = data_of.binned(values[:7])
    np.testing.assert_array_equal(x, np.arange(1, 8))
    curve = data_of.loss_curve({"loss": np.array([3.0, 0.0, np.nan])})
    assert curve.up.log
    assert not data_of.loss_curve({"loss": np.zeros(2)}).up.log


def test_its_numbers_are_taken_apart(trained):
    result = trained(kind="topk", k=3)
    told = {what: explain(result, what, Place()) for what in WHATS}
    assert all(told.values())
    assert " · Σ f" not in told["loss"].formula
    assert explain(result, "nothing", Place()) is None
    assert "2 · Σ f" in explain(trained(l1=2.0), "loss", Place()).formula
    value = result.data["variance_explained"]
    assert told["variance_explained"].working.endswith(data_of.number(value))


def test_it_is_named_told_and_kept(trained, tmp_path):
    result = trained()
    assert hook("train_sae", "picture", "about")(result) == "text.txt"
    assert "blocks.1.hook_resid_pre, 30 features" in hook("train_sae", "picture", "named")(result)
    text = as_text(result)
    assert f"written to {autoencoder_folder.folder() / result.data['file']}" in text
    assert "of the variance explained" in text
    with Session.create(tmp_path / "one.lens") as session:
        number = session.add(result)
        kept = session.load(number)
        assert data_of.sentence(kept) == data_of.sentence(result)
        assert list(data_of.lines(kept)) == list(data_of.lines(result))


def test_the_form_says_which_layer_is_taken_where_none_is_named(make_view):
    fields = make_view("train_sae").findChildren(QLineEdit)
    assert "the middle" in [field.placeholderText() for field in fields]


def test_a_named_folder_is_where_it_was_named(trained, tmp_path):
    result = trained(out_sae=str(tmp_path / "mine"))
    assert data_of.place_of(result) == tmp_path / "mine"
