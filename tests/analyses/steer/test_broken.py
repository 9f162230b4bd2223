"""Interventions that leave no finite number: nothing fails, and nothing is claimed of them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file

from desktop_app.analyses.steer.spec import SteerParams
from tests.analyses.steer.asked import steer
from tests.models import tiny

TOO_MUCH = 3e38


@pytest.fixture
def vector(tmp_path):
    """Return the file of a vector of tens."""
    path = tmp_path / "tens.safetensors"
    save_file({"vector": np.full(32, 10.0, dtype=np.float32)}, path)
    return str(path)


def told(result):
    return [w.message for w in result.warnings if w.code == "not_finite"]


@pytest.mark.parametrize("control", ["yes", "no"])
def test_texts_that_break_at_once_are_told_so(control, vector):
    settings = {"layer": 1, "add": [vector], "coef": [TOO_MUCH], "control": control}
    found = steer(tiny("llama"), ["abcdef"], max_new_tokens=3, **settings)
    steered = found.data["steered"][0]
    assert steered["ids"] == steered["plain_logprobs"] == []
    assert np.isnan(found.data["steered_loss"][0])
    assert len(told(found)) == (2 if control == "yes" else 1)
    assert all("at step 0" in one and "first in layer 1" in one for one in told(found))


def test_factors_whose_product_no_number_holds_break_the_text():
    twice = {"also": [{"op": "scale", "factor": TOO_MUCH}], "scale": TOO_MUCH}
    found = steer(tiny("llama"), ["abcdef"], layer=1, max_new_tokens=3, control="no", **twice)
    assert found.data["steered"][0]["ids"] == []
    assert len(told(found)) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 1e39},
        {"scale": float("nan")},
        {"coef": [1e39]},
        {"sweep_coefs": [1, -1e39]},
        {"also": [{"op": "scale", "factor": 1e39}]},
    ],
)
def test_a_strength_beyond_all_numbers_is_refused(settings):
    with pytest.raises(ValidationError):
        SteerParams.model_validate(settings)
