"""Exported scripts, run where Lensbench cannot be imported, against the results they came from."""

from __future__ import annotations

import ast
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attribute import run as attribute
from desktop_app.analyses.candidates import run as candidates
from desktop_app.analyses.circuit import run as circuit
from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.compose import run as compose
from desktop_app.analyses.corpus import run as corpus
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.fit_lens import run as fit_lens
from desktop_app.analyses.hand_patch import run as hand_patch
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.probe import run as probe
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.repeat import run as repeat
from desktop_app.analyses.residual import run as residual
from desktop_app.analyses.steer import run as steer
from desktop_app.analyses.tokens import run as tokens
from desktop_app.analyses.train_sae import run as train_sae
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import SilentReporter
from desktop_app.session import export_scripts, exports
from desktop_app.support import vector_files
from desktop_app.support.errors import Cancelled
from desktop_app.support.paths import resource
from tests.models import named, tiny
from tests.session.alone import require_clean, run_alone

ROW = PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4")
ROWS = (ROW, PromptRow(text="3 4 5 6", corrupt="9 2 7 3", answer=" 7", wrong=" 6| 1"))
NAMES = ("jacobian.safetensors", "tuned.safetensors", "text.txt", "v.safetensors", "words.txt")
GROUPED = tuple(
    row.model_copy(update={"group": name}) for row, name in zip(ROWS, "AB", strict=True)
)
UNEVEN = (*ROWS, PromptRow(text="Monday Tuesday", answer=" Wednesday", wrong=" Friday"))
LENSES = tempfile.TemporaryDirectory(prefix="lensbench-lenses-")
JACOBIAN, TUNED, TEXT, VECTOR, WORDS = (str(Path(LENSES.name, name)) for name in NAMES)
SHORT = {"windows": 2, "max_seq_len": 12, "skip_first_positions": 3}
COUNTED = resource("help", "start.md")
LABELLED = tuple(
    PromptRow(text=" ".join(map(str, range(n, n + 2 + n % 3))), label="odd" if n % 2 else "even")
    for n in range(1, 15)
)
SORTED = tuple(
    PromptRow(text=f"{a} {b} {a} {c}", label={1: "x", 5: "y", 9: "z"}[b])
    for a in (2, 4, 6, 8)
    for b in (1, 5, 9)
    for c in (3, 7)
)
RUNS = {
    "tokens": (tokens.run, UNEVEN, {"compare": "toy", "padding_demo": True}),
    "tokens-plain": (tokens.run, (PromptRow(text='é"\n'),), {"bos": "no"}),
    "rank": (rank.run, (*ROWS, PromptRow(text="a b", answer=" qqzz"), PromptRow(text="x")), {}),
    "ablate": (ablate.run, (ROW,), {"mode": "zero", "bos": "yes"}),
    "ablate-mean": (ablate.run, ROWS, {"positions": "0,-1", "metric": "logprob"}),
    "ablate-pooled": (
        ablate.run,
        UNEVEN,
        {"component": "mlp", "reference": ("1 3 5", "2"), "metric": "kl", "mode": "mean"},
    ),
    "ablate-twin": (
        ablate.run,
        ROWS,
        {"mode": "resample", "component": "attn", "metric": "loss", "layers": "1:"},
    ),
    "ablate-twin-heads": (
        ablate.run,
        ROWS,
        {"mode": "resample", "positions": "last", "metric": "rank"},
    ),
    "ablate-prob": (ablate.run, ROWS, {"metric": "prob", "component": "attn", "mode": "mean"}),
    "ablate-estimate": (ablate.run, (ROW,), {"preview": True, "metric": "loss"}),
    "ablate-estimate-mean": (
        ablate.run,
        UNEVEN,
        {"preview": True, "positions": "last", "component": "mlp"},
    ),
    "ablate-estimate-twin": (
        ablate.run,
        ROWS,
        {"preview": True, "mode": "resample", "layers": "1:3"},
    ),
    "attention": (attention.run, ROWS, {"difference": True, "mean": True}),
    "attention-weighted": (
        attention.run,
        UNEVEN,
        {"heads": "0.1,2.3", "no_first": True, "value_weighted": True, "scores": True},
    ),
    "patch": (patch.run, ROWS, {}),
    "patch-heads": (patch.run, (ROW,), {"site": "head_z", "direction": "noise", "layers": "-1:"}),
    "patch-all": (patch.run, (ROW,), {"site": "head_v", "by": "all", "metric": "kl"}),
    "patch-mlp": (patch.run, ROWS, {"site": "mlp_out", "by": "all", "direction": "denoise"}),
    "patch-pattern": (patch.run, (ROW,), {"site": "pattern", "by": "all"}),
    "patch-estimate": (patch.run, ROWS, {"preview": True, "site": "head_k", "metric": "logprob"}),
    "patch-estimate-all": (patch.run, (ROW,), {"preview": True, "by": "all"}),
    "hand_patch": (
        hand_patch.run,
        (*ROWS, PromptRow(text="a", answer="b", wrong="c")),
        {"pair": 1, "moves": ("clean:resid_post:0.1>2.1", "corrupt:mlp_out:1.2>1.3")},
    ),
    "hand_patch-noise": (
        hand_patch.run,
        (ROW,),
        {"run": "clean", "moves": ("corrupt:resid_pre:1.1>1.1",), "metric": "kl", "top": 3},
    ),
    "hand_patch-removed": (
        hand_patch.run,
        ROWS,
        {
            "moves": ("clean:mlp_out:0.1>1.2", "clean:resid_post:0.2>0.2"),
            "without": "0.1,2.3,m1",
            "mode": "mean",
        },
    ),
    "hand_patch-pooled": (
        hand_patch.run,
        ROWS,
        {"run": "clean", "without": "1.0,m2", "mode": "mean", "reference": ("1 3 5", "2")},
    ),
    "hand_patch-alone": (
        hand_patch.run,
        (PromptRow(text="1 2 3 4", answer=" 5", wrong=" 4"),),
        {"run": "clean", "without": "0.1,m0,2.2", "metric": "logprob"},
    ),
    "hand_patch-nothing": (hand_patch.run, (ROW,), {"metric": "loss"}),
    "lens": (lens.run, (PromptRow(text="1 2 3 4"),), {"top": 3}),
    "lens-uneven": (lens.run, UNEVEN, {"without": "0.1,m2", "mode": "mean"}),
    "lens-changed": (
        lens.run,
        (*ROWS, PromptRow(text="5 6 7 8", answer=" 9")),
        {
            "moves": ("clean:mlp_out:0.1>1.2", "corrupt:resid_post:2.0>0.3"),
            "without": "1.0,m1",
            "mode": "mean",
        },
    ),
    "lens-zero": (lens.run, ROWS, {"without": "0.1,m2"}),
    "lens-jacobian": (lens.run, ROWS, {"kind": "jacobian", "lens_file": JACOBIAN}),
    "lens-tuned": (lens.run, (ROW,), {"kind": "tuned", "lens_file": TUNED, "without": "1.1"}),
    "fit_lens": (fit_lens.run, (), {"text": TEXT, "out_lens": JACOBIAN, **SHORT}),
    "corpus": (corpus.run, (), {"text": str(COUNTED), "window": 24, "tokens": 300}),
    "corpus-folder": (
        corpus.run,
        (),
        {"text": str(COUNTED.parent), "window": 40, "tokens": 700, "seed": 4, "bos": "no"},
    ),
    "corpus-short": (corpus.run, (), {"text": str(COUNTED), "window": 3, "tokens": 4}),
    # So many tokens that features are dead, and revived.
    "train_sae-of-files": (
        train_sae.run,
        (),
        {"text": TEXT, "window": 12, "features": 60, "steps": 48, "batch": 512, "l1": 40.0},
    ),
    # Stopped before its end, and measured on a part.
    "train_sae-stopped-of-files": (
        train_sae.run,
        (),
        {"text": TEXT, "window": 12, "features": 20, "steps": 30, "batch": 32},
    ),
    "train_sae-topk-of-files": (
        train_sae.run,
        (),
        {
            "text": TEXT,
            "window": 12,
            "features": 40,
            "steps": 8,
            "batch": 32,
            "kind": "topk",
            "k": 4,
            "layer": -1,
            "site": "mlp_out",
        },
    ),
    "lens-moved": (lens.run, ROWS, {"run": "clean", "moves": ("corrupt:resid_pre:1.1>1.1",)}),
    "attribute": (attribute.run, ROWS, {"by_source": True, "neurons": 7}),
    "attribute-uneven": (
        attribute.run,
        (*UNEVEN, PromptRow(text="a b", answer="c")),
        {"by_source": True, "neurons": 3, "layer": 2},
    ),
    "attribute-token": (attribute.run, UNEVEN, {"token": " 5", "position": 1, "layer": -1}),
    "repeat": (repeat.run, (), {"batch": 6, "seq_len": 5, "effect_batch": 5}),
    "repeat-halves": (repeat.run, (), {"batch": 2, "seq_len": 9, "effects": "none", "seed": 3}),
    "detect": (detect.run, (), {"batch": 3, "seq_len": 7, "keep_patterns": True}),
    "detect-target": (
        detect.run,
        (),
        {
            "batch": 2,
            "seq_len": 2,
            "whole_diagonal": True,
            "embedding": "mlp0",
            "families": "digits,days",
            "pattern": tuple(tuple(float(k == q // 2) for k in range(5)) for q in range(5)),
        },
    ),
    "probe": (probe.run, LABELLED, {"shuffles": 2, "seed": 3}),
    "probe-positions": (
        probe.run,
        SORTED,
        {"shuffles": 1, "position": "all", "site": "mlp_out", "l2": 0.3, "split": 0.4},
    ),
    "residual": (residual.run, ROWS, {"heads": True}),
    "residual-uneven": (residual.run, UNEVEN, {"measure": "norms"}),
    "compose": (compose.run, (), {"full_circuit": "0.1,1.2", "ov": "2.0"}),
    "compose-folded": (compose.run, (), {"fold": True, "ov": "2.0"}),
    "compose-folded-keys": (compose.run, (), {"fold": True, "kind": "K"}),
    "compose-layer0": (
        compose.run,
        (),
        {"kind": "K", "ov": "1.3", "embedding": "layer0", "tokens": 300, "seed": 2},
    ),
    "compose-pair": (
        compose.run,
        (),
        {"kind": "V", "full_circuit": "0.0,2.1", "embedding": "layer0", "tokens": 90},
    ),
    "candidates": (
        candidates.run,
        ROWS,
        {"pair": 1, "replace": "5", "with_": ("8", "1", "x", "10"), "head": "1.2"},
    ),
    "candidates-counted": (
        candidates.run,
        (PromptRow(text="a b a b"),),
        {"replace": "b", "with_": ("c", " d", "+"), "occurrence": 2, "text": str(COUNTED)},
    ),
    "circuit": (
        circuit.run,
        ROWS,
        {
            "keep": "0.1,1.0@-1@0,2.2,m1",
            "mlps": True,
            "minus": True,
            "controls": 2,
            "completeness": 2,
            "minimality": True,
            "generate": 2,
        },
    ),
    "circuit-pruned": (
        circuit.run,
        ROWS,
        {"prune": 30, "mlps": True, "controls": 2, "minus": True},
    ),
    "circuit-forward": (
        circuit.run,
        ROWS,
        {"prune": 15, "passes": "forward", "replace": "zero", "controls": 0},
    ),
    "circuit-published": (
        circuit.run,
        ROWS,
        {
            "keep": "0.1,1.0,m1",
            "mlps": True,
            "means": "as-published",
            "minus": True,
            "controls": 0,
            "reference": ("1 3 5 2", "9 8 7 1"),
        },
    ),
    "circuit-groups": (
        circuit.run,
        GROUPED,
        {
            "keep": "none",
            "reference": ("1 3 5 2", "9 8 7 1", "3 3"),
            "reference_groups": ("A", "B", "B"),
            "generate": 2,
        },
    ),
    "circuit-twins": (
        circuit.run,
        ROWS,
        {"keep": "0.1,1.0", "replace": "resample", "metric": "kl", "controls": 2},
    ),
    "circuit-all": (circuit.run, ROWS, {"metric": "loss"}),
    "compare": (compare.run, UNEVEN, {"with_weights": "processed", "rank_heads": True}),
    "compare-half": (compare.run, (ROW,), {"with": "toy", "with_dtype": "bfloat16"}),
    "compare-norms": (compare.run, ROWS, {"with_layernorm": "eps", "norm_steps": True}),
    "compare-constant": (
        compare.run,
        (ROW,),
        {"with_layernorm": "constant", "rank_heads": True, "metric": "loss"},
    ),
    "steer": (
        steer.run,
        UNEVEN,
        {
            "from": ("Monday Tuesday", "one two"),
            "to": ("1 2", "9 8 7"),
            "layer": 1,
            "position": "all",
            "when": "every",
            "coef": (3.0,),
            "say": "Count.",
            "max_new_tokens": 4,
        },
    ),
    "steer-anew": (
        steer.run,
        ROWS,
        {
            "zero": True,
            "layer": 0,
            "cache": "no",
            "begin": ("steered:1:7,8", "plain:0:5+ 7", "control:0:+9 8"),
            "also": ('{"op": "scale", "factor": 2, "layer": 1, "position": "all", "when": "1:"}',),
            "max_new_tokens": 4,
            "metric": "kl",
        },
    ),
    "steer-files": (
        steer.run,
        ROWS,
        {
            "add": (VECTOR, VECTOR),
            "set_to": VECTOR,
            "project_out": VECTOR,
            "layer": 1,
            "from": (WORDS,),
            "to": ("1 2",),
            "coef": (0.1, 0.2, 3.0, 0.5),
            "position": "2,-1",
            "also": (
                json.dumps({"op": "add", "file": VECTOR, "coef": -0.3, "position": "-1"}),
                '{"op": "zero", "layer": 2, "site": "attn_out", "when": "1,3"}',
            ),
            "max_new_tokens": 4,
            "padding": "left",
        },
    ),
    "steer-heads": (
        steer.run,
        UNEVEN,
        {
            "ablate_heads": "0.1,1.2",
            "position": "all",
            "when": "every",
            "control": "no",
            "max_new_tokens": 3,
            "ignore_eos": True,
        },
    ),
    "steer-drawn": (
        steer.run,
        ROWS,
        {
            "from": ("Monday Tuesday",),
            "to": ("1 2", "9 8"),
            "vector_at": "mean",
            "layer": -1,
            "site": "mlp_out",
            "position": "-1,2",
            "coef": (2.0,),
            "temperature": 1.2,
            "top_k": 30,
            "top_p": 0.9,
            "seed": 5,
            "max_new_tokens": 5,
        },
    ),
    "steer-sweep": (
        steer.run,
        ROWS,
        {
            "from": ("Monday Tuesday",),
            "to": ("1 2", "9 8"),
            "layer": 1,
            "position": "all",
            "sweep_layers": "0:2",
            "sweep_coefs": (-3.0, 4.0),
            "scan": True,
            "max_new_tokens": 3,
            "also": ('{"op": "scale", "layer": 2, "factor": 1.5}',),
        },
    ),
    "steer-plain": (
        steer.run,
        (*UNEVEN, PromptRow(text="a b")),
        {"max_new_tokens": 4, "temperature": 1.5, "seed": 3},
    ),
    "detect-prompts": (
        detect.run,
        (PromptRow(text="1 2 3 1 2 3 1"), PromptRow(text="a b a b")),
        {"on": "prompts", "embedding": "raw"},
    ),
}
# Attention whose hooks have other axes, and attention with sinks: on tiny models of their own.
LATENT, SINKS = "deepseek_v3:published", "gpt_oss"
OTHERS = {
    "ablate-latent": LATENT,
    "patch-latent": LATENT,
    "patch-latent-keys": LATENT,
    "attention-latent": LATENT,
    "attention-sinks": SINKS,
    "residual-post-norms": "gemma2",
    "residual-joined": "opt",
    "residual-no-sum": "gemma4_text",
    "residual-wide": "gemma4_text:wide",
    "compose-wide": "gemma4_text:wide",
    "compose-wide-folded": "gemma4_text:wide",
    "detect-wide": "gemma4_text:wide",
    "steer-joined": "opt",
    "steer-latent": LATENT,
    "attribute-latent": LATENT,
    "attribute-sinks": SINKS,
    "attribute-capped": "gemma2",
    "attribute-joined": "opt",
    "attribute-behind": "olmo2",
    "attribute-experts": "qwen2_moe",
}
_TINY = PromptRow(text="ab cd f", corrupt="ab zd f", answer="g", wrong="h")
RUNS |= {
    "ablate-latent": (ablate.run, (_TINY,), {"mode": "zero"}),
    "patch-latent": (patch.run, (_TINY,), {"site": "head_z", "direction": "noise"}),
    "patch-latent-keys": (patch.run, (_TINY,), {"site": "head_k", "by": "all"}),
    "attention-latent": (attention.run, (_TINY,), {"value_weighted": True}),
    "attention-sinks": (attention.run, (_TINY,), {"scores": True}),
    "residual-post-norms": (residual.run, (_TINY, PromptRow(text="a")), {"heads": True}),
    "residual-joined": (residual.run, (_TINY,), {}),
    "residual-no-sum": (residual.run, (_TINY,), {}),
    "residual-wide": (residual.run, (_TINY,), {"heads": True}),
    "compose-wide": (compose.run, (), {}),
    "compose-wide-folded": (compose.run, (), {"fold": True}),
    "detect-wide": (detect.run, (), {"batch": 2, "seq_len": 5}),
    "steer-joined": (
        steer.run,
        (_TINY,),
        {
            "zero": True,
            "site": "mlp_out",
            "layer": 1,
            "position": "0,-1",
            "when": "0,2",
            "max_new_tokens": 4,
        },
    ),
    "steer-latent": (
        steer.run,
        (_TINY,),
        {"ablate_heads": "1.0", "reference": ("ab zd", "cd"), "max_new_tokens": 3},
    ),
    "attribute-latent": (attribute.run, (_TINY,), {"by_source": True, "neurons": 9}),
    "attribute-sinks": (attribute.run, (_TINY,), {"by_source": True, "layer": 1, "neurons": 5}),
    "attribute-experts": (attribute.run, (_TINY,), {"neurons": 50}),
    "attribute-capped": (attribute.run, (_TINY,), {"by_source": True, "neurons": 5}),
    "attribute-joined": (attribute.run, (_TINY,), {"by_source": True, "neurons": 5, "layer": 2}),
    "attribute-behind": (attribute.run, (_TINY,), {"neurons": 5, "token": "z"}),
}
NOTEBOOKS = ("rank", "attribute")
# Pictures of the patterns, made for the screen alone.
NOT_RECOMPUTED = {"thumbnail"}


@cache
def write_lenses():
    """Write texts, a Jacobian lens fitted on one, a tuned lens and a vector of the toy."""
    Path(TEXT).write_text("Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three " * 8, "utf-8")
    info = named("toy").info
    generator = torch.Generator().manual_seed(0)
    shapes = {"weight": (info.d_model, info.d_model), "bias": (info.d_model,)}
    tensors = {
        f"{layer}.{name}": torch.randn(shape, generator=generator)
        for layer in range(info.n_layers)
        for name, shape in shapes.items()
    }
    save_file(tensors, TUNED, {"kind": "tuned", "fingerprint": info.fingerprint})
    vector = torch.randn(info.d_model, generator=generator).numpy()
    vector_files.write(Path(VECTOR), vector, info, (1, "resid_post"), "drawn")
    Path(WORDS).write_text("Monday\nTuesday Friday\n", "utf-8")
    run, _rows, settings = RUNS["fit_lens"]
    run(named("toy"), ANALYSES["fit_lens"].params(**settings), SilentReporter())


class StopsReporter(SilentReporter):
    keeps_partial = True

    def step(self, fraction, note=""):
        if fraction > 0.5:
            raise Cancelled


@cache
def result_of(key):
    if "lens" in key or "files" in key:
        write_lenses()
    run, rows, settings = RUNS[key]
    kind = ANALYSES[key.partition("-")[0]].params
    report = StopsReporter() if "stopped" in key else SilentReporter()
    return run(model_of(key), kind(prompts=rows, **settings), report)


def model_of(key):
    return tiny(OTHERS[key]) if key in OTHERS else named("toy")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Return a folder with the .npz of each script, all run by one bare interpreter."""
    folder = tmp_path_factory.mktemp("scripts")
    toy, calls = str(resource("toy")), []
    for key in RUNS:
        script = folder / f"{key}.py"
        script.write_text(export_scripts.to_script(result_of(key), script.name), "utf-8")
        source = model_of(key).info.source if key in OTHERS else toy
        calls.append((str(script), [source, str(folder / f"script-{key}.npz"), toy]))
    for key in NOTEBOOKS:
        notebook = json.loads(export_scripts.to_notebook(result_of(key)))
        cells = [c["source"] for c in notebook["cells"] if c["cell_type"] == "code"]
        path = folder / f"cells-{key}.py"
        path.write_text("\n".join(map("".join, cells)), "utf-8")
        calls.append((str(path), []))
    assert "splits it differently" not in run_alone(folder, calls)
    return folder


# Without its norms the toy has logits of 500, of which float32 holds no more than 1e-4.
LARGE = {"compare-norms": 1e-6}


def assert_same(got, expected, path="", rel=0.0):
    """Compare plain values: numbers within 1e-4, or a share of them; all else exactly."""
    if isinstance(expected, dict):
        assert set(got) == set(expected), path
        for key, value in expected.items():
            assert_same(got[key], value, f"{path}.{key}", rel)
    elif isinstance(expected, list):
        assert len(got) == len(expected), path
        for i, value in enumerate(expected):
            assert_same(got[i], value, f"{path}[{i}]", rel)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, abs=1e-4, rel=rel), path
    else:
        assert got == expected, path


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("key", RUNS)
def test_script_gives_the_numbers_of_the_result(numbers, tmp_path, key):
    result = result_of(key)
    exports.export(result, tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz") as own, np.load(numbers / f"script-{key}.npz") as found:
        names = [n for n in own.files if n.rpartition("_")[0] not in NOT_RECOMPUTED]
        names = [n for n in names if own[n].ndim and n != "document"]
        assert names
        assert set(names) <= set(found.files)
        for name in names:
            if own[name].dtype.kind == "f":
                np.testing.assert_allclose(
                    found[name], own[name], rtol=1e-5, atol=1e-4, err_msg=name
                )
            else:
                np.testing.assert_array_equal(found[name], own[name], err_msg=name)
        for name in (n for n in own.files if n != "document" and not own[n].ndim and n in found):
            if own[name].dtype.kind == "f":
                np.testing.assert_allclose(
                    found[name], own[name], rtol=1e-5, atol=1e-4, err_msg=name
                )
        whole = json.loads(own["document"].item())["result"]
        told = json.loads(found["document"].item())["result"]
        for name, value in told.items():
            expected = whole[name]
            if name == "compare":
                expected = {**expected, "model": value["model"]}
            assert_same(value, expected, name, LARGE.get(key, 0.0))
    if key == "rank":
        assert {"top", "answers", "wrong"} <= set(told)
    if key == "tokens":
        assert {"compare", "padding_demo"} == set(told)


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("key", NOTEBOOKS)
def test_notebook_gives_the_numbers_of_the_script(numbers, key):
    own = np.load(numbers / f"script-{key}.npz")
    with own as script, np.load(numbers / f"{key}.npz") as cells:
        for name in script.files:
            np.testing.assert_array_equal(script[name], cells[name])


@pytest.mark.model
@pytest.mark.parametrize("key", RUNS)
def test_script_is_formatted_and_clean(tmp_path, key):
    script = tmp_path / "s.py"
    script.write_text(export_scripts.to_script(result_of(key)), "utf-8")
    require_clean(script)


@pytest.mark.model
def test_notebook_has_the_shape_of_nbformat():
    notebook = json.loads(export_scripts.to_notebook(result_of("ablate")))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds[:2] == ["markdown", "code"]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(kinds)
    text = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert "sys.argv" not in text
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            ast.parse("".join(cell["source"]))
            assert cell["outputs"] == []
