"""Changes of activations, against the line that a notebook has for each."""

from __future__ import annotations

import pytest
import torch

from desktop_app.engine.interventions import Edit, Place, Scale, make_editor


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("factor", [-0.3, 0.1, 3.7])
def test_a_factor_is_taken_as_it_is_written(dtype, factor):
    """Rounded to bfloat16 first, −0.3 would be −0.30078."""
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(3)).to(dtype)
    wanted = x.clone()
    wanted[1, 3] *= factor
    editor = make_editor([(1, Edit(0, "resid_post", Scale(factor), None, (3,)))], Place(0, 5))
    assert torch.equal(editor(x, None), wanted)
