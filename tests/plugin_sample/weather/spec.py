from __future__ import annotations

from typing import Literal

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec


class WeatherParams(Params):
    site: Literal["resid_pre", "resid_post"] = setting(
        "resid_post", "Place", "Whether the stream is read before or after each block."
    )


ANALYSIS = Analysis(
    name="weather",
    title="Weather",
    summary="How strong the residual stream is in every layer and at every position.",
    params=WeatherParams,
    group="read",
    fields=(
        FieldSpec("norm", ("prompt", "layer", "position"), "Norm of the stream", telling=1),
        FieldSpec("strength", ("layer", "prompt"), "Mean norm over positions"),
        FieldSpec("strongest", ("prompt",), "The layer where the stream is strongest"),
    ),
)
