"""Scripts of architectures that plain TransformerLens hears in part, or misreads."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.hand_patch import run as hand_patch
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.residual import run as residual
from desktop_app.analyses.tokens import run as tokens
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import SilentReporter
from desktop_app.session import exports
from desktop_app.session.export_scripts import to_script
from desktop_app.support.errors import BadInputError
from tests.models import tiny
from tests.session.alone import require_clean, run_alone

ROWS = (PromptRow(text="ab cd f", corrupt="ab zd f", answer="g", wrong="h"),)
RUNS = {
    "lens": (lens.run, {}),
    "residual": (residual.run, {}),
    "compare": (compare.run, {}),
    "hand_patch": (hand_patch.run, {"moves": ("clean:resid_post:1.3>1.3",)}),
}


def made(architecture, name):
    run, settings = RUNS.get(name, (tokens.run, {}))
    return run(
        tiny(architecture), ANALYSES[name].params(prompts=ROWS, **settings), SilentReporter()
    )


@pytest.mark.slow
def test_blocks_that_give_lists_are_heard_by_the_script(tmp_path):
    """The first GPT's: the bridge alone sees no stream behind them."""
    results = {name: made("openai-gpt", name) for name in RUNS}
    calls = []
    for name, result in results.items():
        script = tmp_path / f"{name}.py"
        script.write_text(to_script(result, script.name), "utf-8")
        require_clean(script)
        calls.append((str(script), [result.model.source, str(script.with_suffix(".npz"))]))
    run_alone(tmp_path, calls)
    for name, result in results.items():
        exports.export(result, tmp_path / "own.npz")
        with np.load(tmp_path / "own.npz") as own, np.load(tmp_path / f"{name}.npz") as found:
            fields = [n for n in own.files if own[n].dtype.kind in "fi" and n in found.files]
            assert fields, name
            for field in fields:
                np.testing.assert_allclose(
                    found[field], own[field], rtol=1e-4, atol=1e-4, err_msg=f"{name} {field}"
                )


@pytest.mark.parametrize("name", RUNS)
def test_a_layout_that_transformerlens_misreads_gets_no_script(name):
    """Falcon's later one, which the program reads by an adapter of its own."""
    result = made("falcon", name)
    assert result.provenance["adapter"]
    with pytest.raises(BadInputError, match="misreads this layout") as caught:
        to_script(result, "script.py")
    assert ".json" in str(caught.value)


def test_a_script_that_needs_no_model_is_written_all_the_same():
    assert "tokenizer" in to_script(made("falcon", "tokens"), "script.py")
    assert "adapter" not in made("llama", "tokens").provenance
