"""Whose numbers: those of a model without its norms are never read as the model's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.contract.result import ModelInfo, same_model
from desktop_app.pictures.naming import result_name
from desktop_app.pictures.origin import model_difference
from desktop_app.pictures.text_tables import as_text
from desktop_app.pictures.words import notice_words, provenance_sentence, without_flags
from desktop_app.session import codec
from desktop_app.session.diff import setting_changes
from desktop_app.session.store import Session
from tests.samples import drawn

ONE = (drawn.prompt("1 2 3 4 ", "1 2 6 4 "),)


def made(layernorm="keep", **more):
    plain = drawn.result_of("ablate", {"mode": "zero"}, prompts=ONE, params={"mode": "zero"})
    return replace(plain, model=replace(plain.model, layernorm=layernorm, **more))


@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
def test_a_variant_is_named_wherever_a_model_is(layernorm):
    words, result = f"without LayerNorm ({layernorm})", made(layernorm)
    assert words in result_name(result)
    assert words in provenance_sentence(result)
    assert words in as_text(replace(result, analysis="strange"))
    assert result.model.label == f"{result.model.name} {words}"
    plain = made()
    for told in (result_name(plain), provenance_sentence(plain), plain.model.label):
        assert "LayerNorm" not in told


def test_a_variant_is_another_model_both_ways():
    kept, eps, constant = (made(v).model for v in ("keep", "eps", "constant"))
    assert not same_model(kept, eps)
    assert not same_model(eps, constant)
    assert same_model(eps, replace(eps, device="cuda"))
    assert model_difference(eps, kept) == f"{kept.name} without LayerNorm (eps)"
    assert model_difference(constant, eps) == f"{kept.name} without LayerNorm (constant)"
    assert model_difference(kept, eps) == f"{kept.name} with its LayerNorm"
    assert model_difference(eps, eps) == ""
    assert "other files" in model_difference(replace(eps, fingerprint="x"), kept)


def test_two_results_differ_by_their_norms():
    changes = {c.name: (c.left, c.right) for c in setting_changes(made(), made("eps"))}
    assert changes["model.layernorm"] == ("keep", "eps")


def test_an_older_document_is_of_the_model_itself():
    document, arrays = codec.encode(made("eps"))
    document["model"] = codec.encode_plain(
        {k: v for k, v in vars(made().model).items() if k != "layernorm"}
    )
    assert codec.decode(document, lambda name: arrays[name]).model == made().model
    assert ModelInfo(**{k: v for k, v in vars(made().model).items() if k != "layernorm"}) == (
        made().model
    )


def test_a_session_tells_a_variant_from_the_model(tmp_path):
    with Session.create(tmp_path / "s.lens") as session:
        for layernorm in ("keep", "eps", "identity"):
            session.add(made(layernorm))
        rows = session.rows()
        assert len({row.title for row in rows}) == 3
        assert len({row.model for row in rows}) == 3
        assert [session.load(row.id).model.layernorm for row in rows] == ["keep", "eps", "identity"]


def test_a_strangers_file_may_say_anything():
    long = made("x" * 5000)
    assert len(result_name(long)) < 300
    assert len(long.model.label) < 100


def test_words():
    assert notice_words("layernorm_removed") == "without LayerNorm"
    assert without_flags("choose --layernorm keep") == "choose LayerNorm keep"
