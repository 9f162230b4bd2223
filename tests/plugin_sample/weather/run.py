from __future__ import annotations

import numpy as np
from weather.spec import ANALYSIS, WeatherParams

from desktop_app import methods
from desktop_app.contract.report import Reporter
from desktop_app.contract.result import Result


def run(model: methods.LoadedModel, params: WeatherParams, report: Reporter) -> Result:
    clock, prepared = methods.Clock(model), methods.prepare(model, params, answers="inspected")
    norms = []
    with methods.no_hooks_left(model):
        for index, prompt in enumerate(prepared.records):
            report.step(index / len(prepared.records), f"Prompt {index + 1}")
            found = []

            def note(stream, hook, found=found):
                report.check()  # a place where Stop is heard
                found.append(stream[0].float().norm(dim=-1).cpu().numpy())

            places = [methods.site_hook(n, params.site) for n in range(model.info.n_layers)]
            model.run(model.ids([prompt.tokens.ids]), [(place, note) for place in places])
            norms.append(np.stack(found))
    strength = np.stack([norm.mean(axis=1) for norm in norms], axis=-1)
    data = {"norm": tuple(norms), **methods.with_twins("strength", strength)}
    data["strongest"] = strength.argmax(axis=0)
    done = (data, prepared.notices)
    return methods.finish(model, ANALYSIS, params, prepared.records, done, clock)
