"""Nothing of a stranger's result may leave its literal: hostile results, and what is written."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.contract.result import AnswerRecord, PromptRecord, TokenList
from desktop_app.session import export_scripts
from desktop_app.session.export_literals import literal
from desktop_app.support.errors import BadInputError
from tests.samples import stored

HOSTILE = '"""\n\\";import os;os.system("x")#{{ 7*7 }}{% raw %}\u202e\ud800\x00\r\n\'\'\''


def hostile_result():
    """Return a result in which every text tries to leave its literal."""
    token = TokenList((7, 8), (HOSTILE, "b"), (HOSTILE, "b"))
    prompt = PromptRecord(HOSTILE, token, 1, HOSTILE, token, (AnswerRecord(HOSTILE, token),), ())
    model = replace(stored.MODEL, name=HOSTILE, source=HOSTILE, fingerprint=HOSTILE, device=HOSTILE)
    return stored.result_of(
        "rank",
        {},
        prompts=(prompt,),
        model=model,
        params={"top": 3},
        provenance={"torch": HOSTILE, HOSTILE: HOSTILE},
    )


@pytest.mark.parametrize("notebook", [False, True])
def test_no_text_leaves_its_literal(notebook):
    result = hostile_result()
    if notebook:
        cells = json.loads(export_scripts.to_notebook(result))["cells"]
        words = [c["source"] for c in cells if c["cell_type"] == "markdown"]
        assert not any("import os" in line for lines in words for line in lines)
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    else:
        text = export_scripts.to_script(result, 'x";import os')
    tree = ast.parse(text)
    assert "\u202e" not in text
    assert text.isprintable() or set(text) <= {c for c in text if c.isprintable()} | {"\n"}
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported <= {"json", "sys", "numpy", "torch"}
    constants = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    assert HOSTILE in constants  # it came through to the letter
    calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    assert not any("system" in c or "exec" in c for c in calls)


@pytest.mark.parametrize(
    ("analysis", "changes"),
    [
        ("ablate", {"params": {"metric": "logit; import os"}}),
        ("ablate", {"params": {"component": "../head"}}),
        ("rank", {"params": {"top": "3) or exec("}}),
        ("rank", {"model": replace(stored.MODEL, dtype="float32\nimport os")}),
        ("nonsense", {}),
        ("../rank", {}),
    ],
)
def test_settings_of_no_analysis_are_refused(analysis, changes):
    data = {"layers": np.array([0]), "mode": "zero"}
    result = stored.result_of(analysis, data, **({"params": {}} | changes))
    with pytest.raises(BadInputError) as caught:
        export_scripts.to_script(result)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [{"mode": "exec"}, {"layers": np.array([9])}, {"layers": None}])
def test_damaged_results_are_refused(bad):
    data = {"layers": np.array([0]), "mode": "zero"} | bad
    with pytest.raises(BadInputError, match="No script"):
        export_scripts.to_script(stored.result_of("ablate", data, params={}))


def test_a_template_cannot_print_what_is_not_source():
    environment = export_scripts._environment()
    with pytest.raises(TypeError, match="not known to be source"):
        environment.from_string("{{ text }}").render(text="import os")
    assert environment.from_string("{{ text | literal }}").render(text="a'b") == '"a\'b"'


@pytest.mark.parametrize(
    "value",
    [
        None, True, -3, 0.1, 1e300, "", "a'b", 'a"b', 'a"\'b', "é␠\u200b\ud800\x00", [], (), {},
        (1,), [1, [2.5, None]], {"a": {"b": ("c" * 90, "d" * 90)}}, list(range(200)),
        [[0.1234567890123] * 40] * 3, {"x" * 80: "y" * 80}, ["\n" * 70],
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", [0, 30])
def test_literals_read_back_as_they_were(value, start):
    text = literal(value, start)
    assert ast.literal_eval(text) == value
    first, *rest = text.split("\n")
    assert all(len(line) <= 100 or '"' in line for line in rest)
    assert start + len(first) <= 100 or not isinstance(value, (list, tuple, dict))


def test_numbers_that_are_none_are_named():
    assert literal([np.float64("nan"), np.int64(3), float("-inf")]) == (
        '[float("nan"), 3, float("-inf")]'
    )
    with pytest.raises(TypeError):
        literal(object())
