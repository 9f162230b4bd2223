"""Fitting a Jacobian lens: TransformerLens' own numbers, on the user's text, into a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformer_lens.tools.analysis import JacobianLens, jacobian_lens

from desktop_app.analyses.fit_lens import run as fit_lens
from desktop_app.analyses.fit_lens.spec import ANALYSIS, FitLensParams
from desktop_app.analyses.fit_lens.windows import read_windows
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.text_windows import TextWindows
from desktop_app.support import lens_files
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.paths import HOME_VARIABLE
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

WORDS = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. "
SHORT = {"windows": 3, "max_seq_len": 14, "skip_first_positions": 4}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "my text.txt"
    path.write_text(WORDS * 20, "utf-8")
    return str(path)


def fit(model, text, report=None, **settings):
    params = FitLensParams(text=text, **{**SHORT, **settings})
    return fit_lens.run(model, params, report or SilentReporter())


def tl_fit(model, windows, **settings):
    """Return what TransformerLens fits on the very same tokens."""
    bridge = model.bridge
    bridge.to_tokens = lambda ids: torch.tensor([ids])
    try:
        with torch.enable_grad():
            return JacobianLens.fit(bridge, windows, corpus="x", show_progress=False, **settings)
    finally:
        del bridge.to_tokens


@pytest.mark.parametrize("architecture", ["toy", "gpt2", "gemma2", "gptj", "olmo2", "qwen2"])
def test_it_is_the_lens_that_transformer_lens_fits(architecture, text, tmp_path):
    model = named("toy") if architecture == "toy" else tiny(architecture)
    out = str(tmp_path / "lens.safetensors")
    result = fit(model, text, out_lens=out, dim_batch=5)
    windows = read_windows(model, FitLensParams(text=text, **SHORT))
    own = tl_fit(model, windows.ids, dim_batch=8, max_seq_len=14, skip_first_positions=4)
    stored = load_file(out)
    assert sorted(stored) == [f"{layer}.weight" for layer in own.source_layers]
    for layer, matrix in own.jacobians.items():
        torch.testing.assert_close(stored[f"{layer}.weight"], matrix, atol=1e-5, rtol=1e-5)
        one = torch.eye(model.info.d_model)
        scale = model.info.d_model**0.5
        assert result.data["size"][layer] == pytest.approx(float(matrix.norm()) / scale, rel=1e-4)
        apart = float((matrix - one).norm()) / scale
        assert result.data["from_identity"][layer] == pytest.approx(apart, rel=1e-4)
    assert result.data["windows"] == own.n_prompts == 3
    assert model.hooks_left() == 0
    assert not any(p.grad is not None for p in model.bridge.parameters())


def test_the_agreement_is_that_of_every_other_window(text, tmp_path):
    model = named("toy")
    result = fit(model, text, out_lens=str(tmp_path / "a.safetensors"), windows=4)
    windows = read_windows(model, FitLensParams(text=text, **{**SHORT, "windows": 4})).ids
    halves = [
        tl_fit(model, windows[first::2], max_seq_len=14, skip_first_positions=4) for first in (0, 1)
    ]
    for layer in halves[0].source_layers:
        pair = [half.jacobians[layer].flatten() for half in halves]
        cosine = float(torch.cosine_similarity(*pair, dim=0))
        assert result.data["agreement"][layer] == pytest.approx(cosine, abs=1e-5)
    alone = fit(model, text, out_lens=str(tmp_path / "b.safetensors"), windows=1)
    assert np.isnan(alone.data["agreement"]).all()
    assert "not_finite" not in [w.code for w in alone.warnings]


def test_the_lens_reads_with_it_and_no_other_model_does(text, tmp_path):
    out = str(tmp_path / "lens.safetensors")
    model = named("toy")
    fit(model, text, out_lens=out)
    row = PromptRow(text="1 2 3 4", answer="5")
    params = LensParams(prompts=(row,), kind="jacobian", lens_file=out)
    found = lens.run(model, params, SilentReporter())
    assert found.data["fitted"]["corpus"] == "my text.txt"
    assert found.data["fitted"]["windows"] == "3"
    ids = torch.tensor([found.prompts[0].tokens.ids])
    matrices = {int(n.split(".")[0]): m for n, m in load_file(out).items()}
    own = JacobianLens(matrices, n_prompts=3, d_model=model.info.d_model)
    best = own.readout(model.bridge, ids, top_k=10).lens_topk_indices
    for layer, top in best.items():
        np.testing.assert_array_equal(found.data["top"][0][layer + 1], top)
    with pytest.raises(BadInputError, match="fingerprint differs"):
        lens.run(tiny("llama"), params, SilentReporter())


def test_the_file_says_what_it_is(text, tmp_path):
    out = tmp_path / "lens.safetensors"
    model = named("toy")
    fit(model, text, out_lens=str(out))
    with safe_open(out, framework="pt") as file:
        facts = file.metadata()
    assert facts["kind"] == "jacobian"
    assert facts["fingerprint"] == model.info.fingerprint
    assert facts["corpus"] == "my text.txt"
    assert str(tmp_path) not in str(facts)
    assert (facts["weights"], facts["fit_dtype"], facts["windows"]) == ("raw", "float32", "3")
    assert (facts["d_model"], facts["n_layers"]) == (str(model.info.d_model), "3")
    assert facts["transformer_lens"].startswith("4.")
    assert all(tensor.dtype == torch.float32 for tensor in load_file(out).values())


def test_without_a_name_it_lies_among_the_lenses(text, tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    model = named("toy")
    assert lens_files.fitted(model.info.fingerprint, "jacobian") == ()
    result = fit(model, text)
    found = lens_files.fitted(model.info.fingerprint, "jacobian")
    assert [head.path.name for head in found] == [result.data["file"]]
    assert lens_files.fitted(tiny("gpt2").info.fingerprint, "jacobian") == ()
    (lens_files.folder() / "other.safetensors").write_bytes(b"nothing")
    kept = found[0].path.read_bytes()
    again = fit(model, text, windows=1).data["file"]
    assert again != result.data["file"]
    assert found[0].path.read_bytes() == kept  # an earlier fit stays
    named_so = {head.path.name for head in lens_files.fitted(model.info.fingerprint, "jacobian")}
    assert named_so == {result.data["file"], again}


def test_another_fit_that_ends_meanwhile_stays(text, tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    model, others = named("toy"), []

    class Meanwhile(SilentReporter):
        def step(self, fraction, note=""):
            if not others:
                others.append(fit(model, text, windows=1).data["file"])

    own = fit(model, text, Meanwhile()).data["file"]
    heads = {head.path.name: head for head in lens_files.fitted(model.info.fingerprint, "jacobian")}
    assert heads.keys() == {own, *others}
    assert heads[others[0]].fact("windows") == "1"


def test_files_of_others_stay(text, tmp_path):
    model, out = named("toy"), tmp_path / "lens.safetensors"
    for tensors, facts in (
        ({"0.weight": torch.zeros(2, 2)}, {"kind": "jacobian", "fingerprint": "9" * 40}),
        ({"0.weight": torch.zeros(2, 2)}, {"kind": "tuned", "fingerprint": model.info.fingerprint}),
        (
            {"0.weight": torch.zeros(2, 2)},
            {"kind": "jacobian", "fingerprint": model.info.fingerprint, "layernorm": "eps"},
        ),
        ({"model.embed": torch.zeros(2)}, {}),
    ):
        save_file(tensors, out, facts)
        before = out.read_bytes()
        with pytest.raises(BadInputError, match="there already"):
            fit(model, text, out_lens=str(out))
        assert out.read_bytes() == before
    with pytest.raises(BadInputError, match="must end in"):
        fit(model, text, out_lens=str(tmp_path / "lens.pt"))
    with pytest.raises(BadInputError, match="does not exist"):
        fit(model, text, out_lens=str(tmp_path / "none" / "lens.safetensors"))
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(BadInputError):
        fit(model, text, out_lens=str(tmp_path / "folder.safetensors"))


def test_texts_that_serve_no_fit(tmp_path, text):
    model, out = named("toy"), str(tmp_path / "lens.safetensors")
    short, latin = tmp_path / "short.txt", tmp_path / "latin.txt"
    short.write_text("1 2", "utf-8")
    latin.write_bytes(b"one\ntwo \xff three\n" * 40)
    for file, settings, told in (
        ("", {}, "--text FILE"),
        (str(tmp_path / "none.txt"), {}, "no such file"),
        (str(tmp_path), {}, "cannot be read"),
        (str(short), {}, "longer text"),
        (str(latin), {}, "line 2: not UTF-8"),
        (text, {"max_seq_len": 5}, "--skip-first-positions"),
        (text, {"max_seq_len": 8000}, "or less"),
    ):
        with pytest.raises(BadInputError, match=told) as caught:
            fit(model, file, out_lens=out, **settings)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "lens.safetensors").exists()


def test_windows_are_cut_to_the_letter(text):
    model = named("toy")
    whole = model.tokenizer.encode(WORDS * 20, "no").ids
    for bos in ("no", "yes"):
        found = read_windows(model, FitLensParams(text=text, bos=bos, **SHORT))
        lead = (model.tokenizer.bos_id,) if bos == "yes" else ()
        assert found.lead == lead
        size = 14 - len(lead)
        assert found.ids == tuple((*lead, *whole[n * size : (n + 1) * size]) for n in range(3))
        others = TextWindows(model, Params(bos=bos), text, 14, 3 * size, "--text")
        assert [window.ids for window in others] == list(found.ids)
        assert found.sha256(3) == others.sha256()


def test_a_text_of_few_windows_is_said(text, tmp_path):
    result = fit(named("toy"), text, out_lens=str(tmp_path / "l.safetensors"), windows=9_000)
    assert "text_short" in [w.code for w in result.warnings]
    assert result.data["windows"] < 9_000


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dtype": "bfloat16"}, "--dtype float32"),
        ({"weights": "processed"}, "--weights raw"),
        ({"offload": "disk"}, "--offload none"),
    ],
)
def test_other_states_are_refused_by_name(settings, told, text, tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu", **settings), SilentReporter())
    with pytest.raises(BadInputError, match=told):
        fit(model, text, out_lens=str(tmp_path / "l.safetensors"))


class Stops(SilentReporter):
    """Cancels at the given step."""

    def __init__(self, at=10**9, *, keeps=False):
        self.at, self.count, self.keeps_partial = at, 0, keeps
        self.notes, self.fractions = [], []

    def step(self, fraction, note=""):
        self.count += 1
        self.notes.append(note)
        self.fractions.append(fraction)
        if self.count >= self.at:
            raise Cancelled


def test_progress_and_cancelling_at_every_pass(text, tmp_path):
    # Of its own: another test may have fitted on the shared one already.
    model, out = load(ModelSpec("toy", device="cpu"), SilentReporter()), tmp_path / "l.safetensors"
    before = [p.requires_grad for p in model.bridge.parameters()]
    whole = Stops()
    fit(model, text, whole, out_lens=str(out), dim_batch=32)
    assert whole.fractions == sorted(whole.fractions)
    assert whole.fractions[-1] == 1.0
    passes = -(-model.info.d_model // 32)
    assert whole.count == 3 * passes + 1
    assert whole.notes[0].startswith("window 1 of 3, dimension 1 of")
    out.unlink()
    for at in (1, 2, passes + 1, 3 * passes):
        with pytest.raises(Cancelled):
            fit(model, text, Stops(at), out_lens=str(out), dim_batch=32)
        assert not out.exists()
    assert model.hooks_left() == 0
    assert [p.requires_grad for p in model.bridge.parameters()] == before


def test_a_stopped_fit_is_that_of_its_whole_windows(text, tmp_path):
    model = named("toy")
    passes = -(-model.info.d_model // 32)
    stop = Stops(2 * passes + 2, keeps=True)
    part, two = tmp_path / "part.safetensors", tmp_path / "two.safetensors"
    result = fit(model, text, stop, out_lens=str(part), dim_batch=32)
    own = fit(model, text, out_lens=str(two), dim_batch=32, windows=2)
    assert result.data["windows"] == 2
    assert result.data["corpus_sha256"] == own.data["corpus_sha256"]
    assert "2 of 3 windows" in result.partial
    stored = load_file(part)
    for name, tensor in load_file(two).items():
        torch.testing.assert_close(stored[name], tensor)


def test_memory_that_runs_out_halves_the_dimensions(text, tmp_path, monkeypatch):
    model = named("toy")
    real = jacobian_lens._jacobian_for_prompt
    tried = []

    def tight(*given, dim_batch, **rest):
        tried.append(dim_batch)
        if dim_batch > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*given, dim_batch=dim_batch, **rest)

    monkeypatch.setattr(jacobian_lens, "_jacobian_for_prompt", tight)
    out = tmp_path / "l.safetensors"
    fit(model, text, out_lens=str(out), dim_batch=16, windows=1)
    assert tried == [16, 8, 4]
    assert out.exists()


def test_its_fields_are_declared(text, tmp_path):
    result = fit(named("toy"), text, out_lens=str(tmp_path / "l.safetensors"))
    fields = ANALYSIS.describe(result.data, result.params)
    assert {spec.name for spec in fields} == result.data.keys()
    assert not FitLensParams().reads_prompts()
