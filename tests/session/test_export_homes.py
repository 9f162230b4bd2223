"""Scripts that read a file by a path from the user's home, as the runs they came from did."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import SilentReporter
from desktop_app.session import export_scripts
from desktop_app.support.paths import resource
from tests.models import named
from tests.session.alone import require_clean, run_alone

pytestmark = [pytest.mark.model, pytest.mark.slow]
ROWS = (PromptRow(text="1 2 3 4", answer=" 5", wrong=" 4"),)
LENS = "~/fitted.safetensors"
SHORT = {"windows": 2, "max_seq_len": 12, "skip_first_positions": 3}
# In this order: the lens is fitted before it is read.
RUNS = {
    "fit_lens": ((), {"text": "~/text.txt", "out_lens": LENS, **SHORT}, "size"),
    "lens": (ROWS, {"kind": "jacobian", "lens_file": LENS}, "answer_logprob"),
    "corpus": ((), {"text": "~/text.txt", "window": 12, "tokens": 40}, "induction"),
    "train_sae": (
        (),
        {"text": "~/text.txt", "out_sae": "~/trained", "window": 12, "steps": 2, "features": 9},
        "loss",
    ),
    "candidates": (ROWS, {"replace": "3", "with_": ("9",), "text": "~/text.txt"}, "frequency"),
}


def test_a_path_from_the_home_is_read_by_the_script_too(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "text.txt").write_text("Monday Tuesday 1 2 3 4 5 6 7 8 9 one two " * 8, "utf-8")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    results, calls = {}, []
    for name, (rows, settings, _field) in RUNS.items():
        params = ANALYSES[name].params(prompts=rows, **settings)
        results[name] = hook(name, "run", "run")(named("toy"), params, SilentReporter())
        script = tmp_path / f"{name}.py"
        script.write_text(export_scripts.to_script(results[name], script.name), "utf-8")
        assert '"~/' in script.read_text("utf-8")
        require_clean(script)
        calls.append((str(script), [str(resource("toy")), str(tmp_path / f"{name}.npz")]))
    run_alone(tmp_path, calls)
    for name, (_rows, _settings, field) in RUNS.items():
        with np.load(tmp_path / f"{name}.npz") as found:
            np.testing.assert_allclose(found[field], results[name].array(field), atol=1e-4)
