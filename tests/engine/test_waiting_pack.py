"""A pack that travels inside the program: a model at hand, made ready when it is first opened."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import EstimateMemory, LoadModel, ModelSpec, RunAnalysis
from desktop_app.engine import catalogue
from desktop_app.engine.packs import pack
from desktop_app.jobs.service import Service
from tests.engine.gguf_files import write_gguf

NAME = "smollm2"


class Heard:
    """A reporter that notes what it is told."""

    def __init__(self):
        self.said = []

    def step(self, _fraction, sentence):
        self.said.append(sentence)

    def check(self):
        pass


@pytest.fixture
def waiting(tmp_path, monkeypatch):
    """The pack's name in the catalogue, with a tiny GGUF inside the program."""
    monkeypatch.setenv("LENSBENCH_HOME", str(tmp_path / "home"))
    gguf = write_gguf(tmp_path / "tiny.gguf")
    digest = hashlib.sha256(gguf.read_bytes()).hexdigest()
    find = pack.find_pack
    tiny = replace(
        find(NAME),
        member_bytes=gguf.stat().st_size,
        member_sha256=digest,
        installed_bytes=1,
    )
    monkeypatch.setattr(pack, "find_pack", lambda name: tiny if name == NAME else find(name))
    monkeypatch.setattr(pack, "carried", lambda name: gguf if name == NAME else None)
    return gguf


def test_it_is_listed_as_at_hand_and_measured_unopened(waiting):
    (row,) = (row for row in catalogue.list_models() if row.name == NAME)
    assert row.installed
    assert row.path is None
    assert "half a minute" in row.note
    found = Service().perform(EstimateMemory(ModelSpec(NAME)), Heard())
    assert found.parameters == catalogue.locate(ModelSpec(str(waiting))).parameters
    assert pack.is_waiting(NAME)


@pytest.mark.model
@pytest.mark.slow
def test_opening_it_makes_it_ready(waiting):
    heard = Heard()
    ready = Service().perform(LoadModel(ModelSpec(NAME)), heard)
    assert any(said.startswith("Converting SmolLM2") for said in heard.said)
    assert ready.info.fingerprint
    assert not pack.is_waiting(NAME)
    (row,) = (row for row in catalogue.list_models() if row.name == NAME)
    assert row.path == str(pack.pack_folder(NAME))


@pytest.mark.model
def test_beside_another_model_it_is_made_ready_too(waiting, monkeypatch):
    service, made = Service(), []
    monkeypatch.setattr(pack, "fetch_pack", lambda name, *_: made.append(name))
    service.load(ModelSpec(str(waiting)), SilentReporter())
    assert made == []
    asked = CompareParams(prompts=(PromptRow(text="1 2"),), with_model=NAME)
    service.perform(RunAnalysis("compare", asked), SilentReporter())
    assert made == [NAME]
