"""Exported scripts split texts as the result did, also where the library makes another tokenizer.

Run where Lensbench cannot be imported, against the ids of the result.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from desktop_app.analyses.tokens import run as tokens
from desktop_app.analyses.tokens.spec import TokensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import export_scripts
from tests.engine import token_files as made
from tests.engine.gguf_files import write_gguf
from tests.engine.zoo import save_tiny
from tests.patience import CHILD_S

ROWS = tuple(PromptRow(text=t) for t in ("1  2 12", " a", "12  1"))


def folder(path, **settings):
    """A tiny model whose file cuts digits alone and adds a BOS, under a class that does neither."""
    save_tiny("llama", path)
    config = (path / "config.json").read_text()
    made.save_folder(path, made.byte_level(made.digits_alone(), adds_bos=True), "llama", **settings)
    (path / "config.json").write_text(config)
    return path


def dropping(path, **settings):
    """The same, whose file leaves half of all merges out at random."""
    folder(path, **settings)
    said = json.loads((path / "tokenizer.json").read_text())
    said["model"]["dropout"] = 0.5
    (path / "tokenizer.json").write_text(json.dumps(said))
    return path


def gguf(path):
    def say(writer):
        writer.add_tokenizer_pre("smollm")
        writer.add_add_bos_token(True)
        writer.add_add_space_prefix(True)

    path.mkdir()
    return write_gguf(path / "tiny.gguf", say=say)


def lone(path):
    """A tiny model with sentencepiece's own file alone."""
    folder(path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    made.sentence_pieces(path)
    return path


def printed(result, place):
    """Run a result's script; return what it printed, and the ids that it wrote."""
    script, out = place / "again.py", place / "again.npz"
    script.write_text(export_scripts.to_script(result, script.name), "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(script), result.model.source, str(out)],
        cwd=place, capture_output=True, text=True, check=False, timeout=CHILD_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as found:
        return done.stdout, [found[f"ids_{n}"].tolist() for n in range(len(ROWS))]


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "settings"),
    [
        (folder, {"tokenizer_class": "GPT2Tokenizer"}),
        (folder, {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": False}),
        (dropping, {"tokenizer_class": "GPT2Tokenizer"}),
        (gguf, {}),
        (lone, {}),
    ],
)
def test_a_script_splits_texts_as_the_files_say(tmp_path, build, settings):
    model = load(ModelSpec(str(build(tmp_path / "m", **settings)), device="cpu"), SilentReporter())
    result = tokens.run(model, TokensParams(prompts=ROWS), SilentReporter())
    words, ids = printed(result, tmp_path)
    if build is lone:
        assert "this tokenizer may give other ids" in words
        return
    assert ids == [list(record.tokens.ids) for record in result.prompts]
    assert "splits it differently" not in words
    assert ("add_bos_token" in settings) == (not model.tokenizer.adds_bos)


@pytest.mark.model
@pytest.mark.slow
def test_a_script_says_where_the_second_tokenizer_gives_other_ids(tmp_path):
    """A GGUF beside a model that is none; the library does not follow it."""
    second = gguf(tmp_path / "second")
    model = load(ModelSpec(str(folder(tmp_path / "m")), device="cpu"), SilentReporter())
    params = TokensParams(prompts=ROWS, compare=str(second))
    words, _ids = printed(tokens.run(model, params, SilentReporter()), tmp_path)
    assert "Prompt 1: the second tokenizer now gives other ids than recorded." in words


@pytest.mark.model
def test_parts_out_of_a_strangers_file_are_literals_or_left_out(tmp_path):
    from dataclasses import replace

    from tests.models import tiny

    result = tokens.run(tiny("llama"), TokensParams(prompts=ROWS), SilentReporter())
    for odd in ("x", [1], {"made": "gguf", "parts": 5}, {"made": 'file"\nimport os', "parts": {}}):
        strange = replace(result, provenance={**result.provenance, "tokenizer": odd})
        assert export_scripts.to_script(strange) == export_scripts.to_script(result)
