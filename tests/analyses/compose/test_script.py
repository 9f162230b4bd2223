"""The script of a composition in half precision, run without Lensbench."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.compose.run import run
from desktop_app.analyses.compose.spec import ComposeParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import export_scripts, exports
from tests.engine.zoo import save_tiny
from tests.session.alone import run_alone


@pytest.mark.slow
def test_a_norm_that_takes_the_mean_away_is_folded_so_in_half_precision(tmp_path):
    """Torch's LayerNorm then leaves something of rows that are nothing but their mean."""
    calls = []
    for dtype in ("bfloat16", "float16"):
        source = str(save_tiny("phi", tmp_path / "phi"))
        model = load(ModelSpec(source, device="cpu", dtype=dtype), SilentReporter())
        result = run(model, ComposeParams(fold=True), SilentReporter())
        exports.export(result, tmp_path / f"own-{dtype}.npz")
        script = tmp_path / f"{dtype}.py"
        script.write_text(export_scripts.to_script(result, script.name), "utf-8")
        calls.append((str(script), [source, str(tmp_path / f"{dtype}.npz")]))
    run_alone(tmp_path, calls)
    for dtype in ("bfloat16", "float16"):
        with (
            np.load(tmp_path / f"own-{dtype}.npz") as own,
            np.load(tmp_path / f"{dtype}.npz") as found,
        ):
            np.testing.assert_allclose(found["score"], own["score"], atol=1e-3)
