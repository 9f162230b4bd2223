"""A sweep that is cancelled keeps what it has: exact cells, none where it did not come to."""

from __future__ import annotations

import dataclasses
import io
import json
from functools import partial

import numpy as np
import pytest

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.cells import parts
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.analyses.repeat import run as repeat
from desktop_app.analyses.repeat.spec import RepeatParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import hook
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.facts import Place
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_scripts import to_notebook, to_script
from desktop_app.session.export_table import write_tidy
from desktop_app.session.store import Session
from desktop_app.support.errors import Cancelled
from tests.models import tiny

ROWS = (
    PromptRow(text="ab cd g", corrupt="ab xd g", answer="h", wrong="i"),
    PromptRow(text="one two abc", corrupt="two one cba", answer="q", wrong="r|s"),
)


class Impatient(SilentReporter):
    """Cancels as soon as it has been shown exact cells `shown` times, or the estimate."""

    keeps_partial = True

    def __init__(self, shown: int, *, previews: bool = False) -> None:
        self.previews = previews
        self.left = shown
        self.is_cancelled = False

    def check(self) -> None:
        if self.is_cancelled:
            raise Cancelled

    def step(self, fraction, note=""):
        self.check()

    def partial(self, data):
        self.left -= 1
        if not self.left:
            self.is_cancelled = True
        self.check()


def narrow():
    """Return a model whose sweeps take one changed run a pass."""
    return dataclasses.replace(tiny("llama"), budget_bytes=1)


def ablated(report, rows=ROWS, **settings):
    return ablate.run(narrow(), AblateParams(prompts=rows, mode="zero", **settings), report)


def patched(report, rows=ROWS, **settings):
    return patch.run(narrow(), PatchParams(prompts=rows, site="head_z", **settings), report)


def test_what_was_computed_is_that_of_the_whole_run_and_the_rest_is_missing():
    whole, part = ablated(SilentReporter(), ROWS[:1]), ablated(Impatient(5), ROWS[:1])
    known = np.isfinite(part.data["effect"])
    assert known.sum() == 5
    assert known.size == whole.data["effect"].size
    for name in ("ablated", "effect", "percent"):
        np.testing.assert_array_equal(part.data[name][known], whole.data[name][known])
        assert np.isnan(part.data[name][~known]).all()
        np.testing.assert_array_equal(
            part.data[f"{name}_mean"][known[..., 0]], whole.data[f"{name}_mean"][known[..., 0]]
        )
    assert part.data["base"] == whole.data["base"]
    # The gate was asked with the first pass.
    assert part.data["answer_rank"] == whole.data["answer_rank"]
    assert [n.code for n in part.warnings if n.code == "not_finite"] == []
    assert whole.partial == ""
    assert "partial" not in whole.data
    total = whole.data["effect"].size
    assert part.partial == f"Stopped at 5 of {total} cells. Run again for the rest."
    assert part.data["partial"] == part.partial


def test_means_are_over_the_prompts_that_are_whole():
    whole = ablated(SilentReporter())
    count = whole.data["effect"][..., 0].size
    part = ablated(Impatient(count + 3))
    assert np.isfinite(part.data["effect"][..., 0]).all()
    assert np.isfinite(part.data["effect"][..., 1]).sum() == 3
    np.testing.assert_array_equal(part.data["effect_mean"], whole.data["effect"][..., 0])
    assert part.data["base_mean"] == whole.data["base"][0]
    assert f"{count + 3} of {2 * count} cells. Means are over 1 of 2 prompts." in part.partial


def test_a_cell_of_prompts_that_run_together_has_a_mean_once_all_have_it():
    rows = (ROWS[0], PromptRow(text="gh cd g", corrupt="ab cd x", answer="x", wrong="h"))
    part = ablated(Impatient(3), rows)
    assert np.isfinite(part.data["effect"]).sum() == 3
    both = np.isfinite(part.data["effect"]).all(-1)
    assert both.sum() == 1
    np.testing.assert_array_equal(np.isfinite(part.data["effect_mean"]), both)


def test_before_the_first_exact_cell_the_estimate_is_kept():
    part = ablated(Impatient(1, previews=True), ROWS[:1])
    estimate = ablated(SilentReporter(), ROWS[:1], preview=True)
    np.testing.assert_array_equal(part.data["effect"], estimate.data["effect"])
    assert part.data["estimated"] is True
    assert "all" in part.partial
    assert "gradient estimates" in part.partial
    assert estimate.partial == ""


def test_nothing_is_kept_of_nothing_nor_for_who_does_not_want_it():
    early = Impatient(1)
    early.is_cancelled = True
    with pytest.raises(Cancelled):
        ablated(early)
    unwilling = Impatient(5)
    unwilling.keeps_partial = False
    with pytest.raises(Cancelled):
        ablated(unwilling)


def test_what_was_cancelled_when_it_was_done_is_whole():
    whole = ablated(SilentReporter(), ROWS[:1])
    late = ablated(Impatient(whole.data["effect"].size), ROWS[:1])
    assert late.partial == ""
    np.testing.assert_array_equal(late.data["effect"], whole.data["effect"])


def test_patching_keeps_its_cells_too():
    whole, part = patched(SilentReporter(), ROWS[:1]), patched(Impatient(7), ROWS[:1])
    for name in ("restored", "broken"):
        known = np.isfinite(part.data[name])
        np.testing.assert_array_equal(part.data[name][known], whole.data[name][known])
    assert 7 <= np.isfinite(part.data["restored"]).sum() < whole.data["restored"].size
    assert part.partial.startswith("Stopped at ")
    ragged = patched(Impatient(7))
    assert isinstance(ragged.data["restored"], tuple)
    assert np.isnan(ragged.data["restored"][1]).all()


@pytest.mark.parametrize("make", [ablated, patched])
def test_a_partial_result_says_so_wherever_it_is_told(make, tmp_path):
    part = make(Impatient(7), ROWS[:1])
    assert f"partial: {part.partial}" in as_text(part).splitlines()
    assert "nan" not in as_text(part)
    assert [n["code"] for n in part.to_json()["warnings"]].count("partial") == 1
    table = io.StringIO()
    write_tidy(part, table)
    assert part.partial in table.getvalue()
    with Session.create(tmp_path / "part.lens") as session:
        session.add(part)
        (row,) = session.rows()
        assert " (partial) · " in row.title
        again = session.load(row.id)
    assert again.partial == part.partial
    json.dumps(again.to_json(), allow_nan=False)


def test_what_is_missing_is_told_as_missing():
    part = ablated(Impatient(7), ROWS[:1])
    layer, head = np.argwhere(np.isnan(part.data["effect_mean"]))[-1].tolist()
    (fact,) = hook("ablate", "picture", "head_facts")(part, Place(0, layer, head))
    assert fact.value == "not computed"
    ranking = hook("ablate", "picture", "ranking")(part)
    assert len(ranking.rows) == 7
    assert all(np.isfinite(row.values[2]) for row in ranking.rows)
    sentence = hook("ablate", "picture", "part_sentence")(part, layer, head)
    assert sentence == "Not computed: the run was stopped before it."


def test_estimates_that_a_cancelled_run_is_left_with_are_told_as_estimates():
    part = ablated(Impatient(1, previews=True), ROWS[:1])
    ask = partial(hook, "ablate", "picture")
    effect, kept = ask("head_facts")(part, Place(0, 0, 1))
    assert effect.name.endswith(", gradient estimate)")
    assert effect.value.startswith("≈ ")
    assert kept.value.startswith(("≈ ", "withheld", "–"))
    assert all(row.values[0].endswith(" ≈") for row in ask("ranking")(part).rows)
    assert " to ≈ " in ask("part_sentence")(part, 0, 1)
    # None of its cells was computed, and so it does not say how many were.
    assert ask("base_sentence")(part).endswith(" · stopped before any exact value")
    part = patched(Impatient(1, previews=True), ROWS[:1])
    ask = partial(hook, "patch", "picture")
    for fact in ask("head_facts")(part, Place(0, 0, 1, 2)):
        assert fact.name.endswith(", gradient estimate")
        assert fact.value.startswith("≈ ")
    assert ask("ends_sentence")(part, 0).endswith(" · stopped before any exact value")
    assert ask("listed_of")(part, 0) == ""
    (first, *_rest) = parts(part, 0, None, "either")
    assert first.name.endswith(" ≈")


def repeated(report, **settings):
    return repeat.run(narrow(), RepeatParams(**{"batch": 3, "seq_len": 4} | settings), report)


@pytest.mark.parametrize("effect_batch", [1, 0])
def test_replacement_maps_keep_their_cells(effect_batch):
    whole = repeated(SilentReporter(), effect_batch=effect_batch)
    part = repeated(Impatient(8), effect_batch=effect_batch)
    names = ("mlp_effect", "attn_effect")
    known = {name: np.isfinite(part.data[name]) for name in names}
    count, total = sum(k.sum() for k in known.values()), sum(k.size for k in known.values())
    assert 0 < count < total
    told = f"Stopped at {count} of {total} cells of the replacement maps. Run again for the rest."
    assert part.partial == told
    for name, cells in known.items():
        np.testing.assert_array_equal(part.data[name][cells], whole.data[name][cells])
    for name in ("logprob", "accuracy_second"):
        np.testing.assert_array_equal(part.data[name], whole.data[name])
    assert "nan" not in as_text(part)
    assert "not_finite" not in [n.code for n in part.warnings]


def test_replacement_maps_are_means_over_the_same_sequences():
    # Four sequences are swept together; the run is stopped in the middle of the fifth.
    settings = {"batch": 5, "seq_len": 3}
    whole = repeated(SilentReporter(), effect_batch=4, **settings)
    runs = 4 * 2 * whole.data["mlp_effect"].size
    part = repeated(Impatient(1 + runs + 4), effect_batch=0, **settings)
    told = "Stopped after 4 of 5 sequences of the replacement maps. Run again for the rest."
    assert part.partial == told
    assert part.data["effect_sequences"] == 4
    for name in ("mlp_effect", "attn_effect"):
        np.testing.assert_allclose(part.data[name], whole.data[name], atol=1e-6)


def test_halves_are_kept_where_the_maps_were_not_begun():
    whole, part = repeated(SilentReporter()), repeated(Impatient(1))
    assert part.partial == "Stopped before the replacement maps. Run again for the rest."
    assert not {"mlp_effect", "attn_effect", "effect_sequences"} & part.data.keys()
    np.testing.assert_array_equal(part.data["logprob"], whole.data["logprob"])


def test_the_sequences_that_were_read_are_kept():
    class AfterOne(Impatient):
        def step(self, fraction, note=""):
            self.is_cancelled |= note.startswith("Sequence ")
            self.check()

    whole, part = repeated(SilentReporter()), repeated(AfterOne(-1))
    count = len(part.prompts)
    assert 0 < count < 3
    assert part.partial == f"Stopped before sequence {count + 1} of 3. Run again for the rest."
    np.testing.assert_allclose(part.data["logprob"], whole.data["logprob"][:count], atol=1e-5)


class AtPrompt(SilentReporter):
    keeps_partial = True

    def __init__(self, number):
        self.number = number

    def step(self, fraction, note=""):
        if note.startswith(f"{self.number - 1} of "):
            raise Cancelled


def test_prompts_that_were_ranked_are_kept(tmp_path):
    rows = (*ROWS, PromptRow(text="ab ", answer="h"))
    whole = rank.run(tiny("llama"), RankParams(prompts=rows), SilentReporter())
    part = rank.run(tiny("llama"), RankParams(prompts=rows), AtPrompt(3))
    assert part.partial == "Stopped before prompt 3 of 3. Run again for the rest."
    assert part.prompts == whole.prompts[:2]
    assert part.data["top"] == whole.data["top"][:2]
    np.testing.assert_array_equal(part.data["logit_diff"], whole.data["logit_diff"][:2])
    assert all(notice.prompt is None or notice.prompt < 2 for notice in part.warnings)
    assert as_text(part)
    with Session.create(tmp_path / "part.lens") as session:
        session.add(part)
        (row,) = session.rows()
        assert session.load(row.id).partial == part.partial
    with pytest.raises(Cancelled):
        rank.run(tiny("llama"), RankParams(prompts=rows), AtPrompt(1))


class AtStep(SilentReporter):
    keeps_partial = True

    def __init__(self, left):
        self.left = left

    def step(self, fraction, note=""):
        self.check()

    def check(self):
        self.left -= 1
        if self.left <= 0:
            raise Cancelled


def test_attention_of_the_prompts_that_were_run_is_kept():
    params = AttentionParams(prompts=ROWS, difference=True)
    whole, kept = attention.run(tiny("llama"), params, SilentReporter()), 0
    for left in range(1, 40):
        try:
            part = attention.run(tiny("llama"), params, AtStep(left))
        except Cancelled:
            assert not kept
            continue
        if not part.partial:
            break
        kept += 1
        assert part.partial == "Stopped before prompt 2 of 2. Run again for the rest."
        assert part.prompts == whole.prompts[:1]
        for name in ("pattern", "difference", "corrupt_pattern", "thumbnail"):
            (one,) = part.data[name]
            np.testing.assert_array_equal(one, whole.data[name][0])
        np.testing.assert_array_equal(part.data["entropy"], whole.data["entropy"][..., :1])
        assert as_text(part)
    assert kept


def test_a_script_says_that_it_computes_what_a_stopped_run_lacks():
    told = "was stopped before its end"
    part, whole = ablated(Impatient(5), ROWS[:1]), ablated(SilentReporter(), ROWS[:1])
    for written in (to_script, to_notebook):
        assert told in written(part)
        assert told not in written(whole)
