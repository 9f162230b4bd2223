"""Models that cannot be loaded, on the command line: exit status 3 and one line, nothing else."""

from __future__ import annotations

import json
import struct

import pytest
import torch

from desktop_app import cli
from tests.engine.folders import add_weights, folder_of, set_config
from tests.engine.gguf_files import write_gguf

PROMPT = ("--prompt", "the cat")


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def encoder(tmp):
    return set_config(folder_of(tmp), model_type="bert", architectures=["BertForMaskedLM"])


def unread(tmp):
    return add_weights(folder_of(tmp), model__layers__0__self_attn__q_norm__weight=torch.ones(8))


def absurd(tmp):
    return set_config(folder_of(tmp), num_hidden_layers=20_000)


def malformed(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"[]")
    return folder


def cut_off(tmp):
    path = write_gguf(tmp / "x.gguf")
    path.write_bytes(path.read_bytes()[:-1000])
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (encoder, "it is an encoder (BertForMaskedLM)"),
        (unread, "its settings do not describe them"),
        (absurd, "num_hidden_layers 20,000"),
        (malformed, "model.safetensors is damaged"),
        (cut_off, "x.gguf is not a whole GGUF file"),
    ],
)
def test_what_cannot_be_loaded_ends_with_3_and_a_line(call, tmp_path, make, words):
    model = make(tmp_path)
    code, out, err = call("run", "rank", "--model", model, *PROMPT, "--json")
    assert code == 3
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("lensbench: ")
    assert words in last
    assert "Traceback" not in err


def test_what_is_not_read_is_a_warning_of_the_result(call, tmp_path):
    folder = add_weights(folder_of(tmp_path), v_head__summary__weight=torch.ones(1, 32))
    code, out, err = call("run", "tokens", "--model", folder, *PROMPT, "--json")
    assert code == 0
    assert "weights_unread" in [row["code"] for row in json.loads(out)["warnings"]]
    assert "warning weights_unread: " in err


def test_the_list_of_models_outlives_a_bad_entry(call, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--bad--entry" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--bad--entry" / "refs").mkdir()
    (tmp_path / "models--bad--entry" / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("[" * 200_000)
    code, out, _err = call("models", "--json")
    assert code == 0
    assert {"toy", "smollm2"} <= {row["name"] for row in json.loads(out)}
