from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.session.diff import compare_results, compare_sessions
from desktop_app.session.parts import LazyArray
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored


def session_of(path, *results):
    session = Session.create(path)
    for result in results:
        session.add(result)
    return session


def changed(result, **data):
    return replace(result, data={**result.data, **data})


def differences(left, right):
    return {f.name: f for f in compare_results(left, right)[1]}


@pytest.mark.parametrize("name", stored.ALL)
def test_a_result_equals_itself_after_a_session(tmp_path, name):
    result = stored.ALL[name]()
    with session_of(tmp_path / "a.lens", result) as one, session_of(tmp_path / "b.lens") as two:
        two.add(one.load(1))
        found = compare_sessions(one, two, 0.0)
    assert found.equal
    assert all(f.difference == 0 for f in found.results[0].fields)
    assert {f.name for f in found.results[0].fields} == set(result.data)
    assert found.results[0].settings == ()


def test_the_largest_difference_of_each_field_is_told():
    result = stored.ablate_result()
    effect = result.data["effect"].copy()
    effect[0, 1, 0] += 0.25
    effect[1, 2, 1] -= 0.5
    found = differences(result, changed(result, effect=effect))
    assert found["effect"].difference == pytest.approx(0.5)
    assert found["percent"].difference == 0  # not-a-number in the same place is no difference


def test_a_number_where_the_other_has_none_is_infinitely_far():
    result = stored.ablate_result()
    percent = np.nan_to_num(result.data["percent"])
    assert differences(result, changed(result, percent=percent))["percent"].difference == math.inf


def test_what_cannot_be_subtracted_is_told_in_words():
    result = stored.rank_result()
    one = changed(result, read_position=np.array([3]), single="x", top=result.data["top"][:1])
    found = differences(result, one)
    assert (found["read_position"].difference, found["read_position"].reason) == (
        None,
        "shapes 2 and 1",
    )
    assert found["top"].reason == "2 and 1 entries"
    assert found["single"].difference is None
    left = {k: v for k, v in result.data.items() if k != "logit_diff"}
    assert differences(replace(result, data=left), result)["logit_diff"].reason == (
        "only in the second"
    )
    texts = changed(stored.tokens_result(), pieces=(("a",), ("b",)))
    assert differences(stored.tokens_result(), texts)["pieces"].difference is None


def test_settings_prompts_and_model_that_differ_are_named():
    one = stored.ablate_result()
    prompts = (replace(one.prompts[0], text="other"), *one.prompts[1:])
    two = replace(
        one,
        params={**one.params, "top": 11, "new": 1},
        prompts=prompts,
        model=replace(one.model, fingerprint="beef"),
        provenance={"created": "later"},
    )
    changes = {c.name: (c.left, c.right) for c in compare_results(one, two)[0]}
    assert changes == {
        "top": (10, 11),
        "new": ("(not there)", 1),
        "prompt 1": ("1 2 ", "other"),
        "model.fingerprint": ("00ff", "beef"),
    }


def test_results_pair_by_analysis_in_order(tmp_path):
    a, r = stored.ablate_result(), stored.rank_result()
    with (
        session_of(tmp_path / "a.lens", a, r, a) as one,
        session_of(tmp_path / "b.lens", r, a) as two,
    ):
        found = compare_sessions(one, two, 1e-6)
    assert [(x.analysis, x.left, x.right) for x in found.results] == [
        ("ablate", 1, 2),
        ("ablate", 3, None),
        ("rank", 2, 1),
    ]
    assert not found.equal
    assert found.lines()[-1] == "2 of 3 results agree within 1e-06."
    assert "result 3 is only in the first" in "\n".join(found.lines())


def test_tolerance_decides(tmp_path):
    result = stored.ablate_result()
    moved = changed(result, effect=result.data["effect"] + 1e-5)
    with session_of(tmp_path / "a.lens", result) as one, session_of(tmp_path / "b", moved) as two:
        assert compare_sessions(one, two, 1e-4).equal
        assert not compare_sessions(one, two, 1e-6).equal
        for bad in (-1.0, math.nan, math.inf):
            with pytest.raises(BadInputError, match="--tolerance"):
                compare_sessions(one, two, bad)


def test_json_holds_plain_numbers(tmp_path):
    result = stored.ablate_result()
    moved = changed(result, percent=np.zeros_like(result.data["percent"]))
    with session_of(tmp_path / "a.lens", result) as one, session_of(tmp_path / "b", moved) as two:
        text = json.dumps(compare_sessions(one, two, 1e-6).to_json(), allow_nan=False)
    row = json.loads(text)["results"][0]
    assert row["differs"]
    assert {f["name"]: f["difference"] for f in row["fields"]}["percent"] == "inf"


def test_a_large_pattern_is_compared_head_by_head(tmp_path, monkeypatch):
    result = stored.attention_result()
    pattern = result.data["pattern"][0].copy()
    pattern[1, 2, 5, 3] += 0.125
    moved = changed(result, pattern=(pattern, *result.data["pattern"][1:]))
    with session_of(tmp_path / "a.lens", result) as one, session_of(tmp_path / "b", moved) as two:
        assert isinstance(one.load(1).data["pattern"][0], LazyArray)
        monkeypatch.setattr(LazyArray, "__array__", None)
        found = compare_sessions(one, two, 1e-6)
    parts = {f.name: f.difference for f in found.results[0].fields}
    assert parts["pattern"] == pytest.approx(0.125)
    assert parts["thumbnail"] == 0
