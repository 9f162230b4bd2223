"""Training a small autoencoder: activations of a text, then steps whose end is a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.train_sae.reading import Text
from desktop_app.analyses.train_sae.spec import ANALYSIS, MEASURED_STOPPED, TrainSaeParams
from desktop_app.analyses.train_sae.training import (
    Measured,
    Step,
    Trainer,
    kept,
    measure,
    measured_at_once,
    scale_of,
)
from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.memory import text_bytes, used_bytes
from desktop_app.engine.model import site_hook
from desktop_app.engine.sites import require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.autoencoder_saving import Made, place_for, save_autoencoder
from desktop_app.methods.finish import Clock, finish
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.installed import package_version

if TYPE_CHECKING:
    from desktop_app.analyses.train_sae.reading import Activations
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_ITEM = 4  # float32
_STATES = 6  # weights, gradients, the two moments of Adam, and at the end weights and their file
_TABLES = 6  # of a batch: scores, activations, their gradients and what revives
_READING_SHARE = 0.3
_MEASURING_SHARE = 0.05
_STEPS_PER_PARTIAL = 5
_MOSTLY_DEAD = 0.5


@dataclass
class _Curves:
    """What was told of each step; NaN of those to come."""

    steps: int
    loss: np.ndarray = field(init=False)
    l0: np.ndarray = field(init=False)
    dead: np.ndarray = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.loss, self.l0, self.dead = (np.full(self.steps, np.nan) for _ in range(3))

    def add(self, seen: Step) -> None:
        at = self.done
        self.loss[at], self.l0[at], self.dead[at] = seen.loss, seen.l0, seen.dead
        self.done += 1

    def fields(self) -> dict[str, np.ndarray]:
        known = slice(0, self.done)
        return {"loss": self.loss[known], "l0": self.l0[known], "dead": self.dead[known]}


def run(model: LoadedModel, params: TrainSaeParams, report: Reporter) -> Result:
    """Read the activations, train on nine windows of ten, measure on the others, and write it.

    Stopped while it trains, what there is of it is measured, on a part, and written.

    Returns:
        `loss`, `l0` and `dead` of every step; on the windows held out, `variance_explained`,
        `l0_end` and `mse`; and where the folder lies.

    Raises:
        BadInputError: There is no such place, text or folder, or it is too large.
    """
    clock = Clock(model)
    layer, features = _place(model, params), _features(model, params)
    text = Text(model, params)
    hook = f"blocks.{layer}.hook_{params.site}"
    target = place_for(model.info, hook, params.out_sae)
    room = text.require_room(model, model.info.d_model)
    report.needs(used_bytes(model.device) + _bytes_needed(model, params, features) + room)
    reads = ShareReporter(report, 0.0, _READING_SHARE)
    with no_hooks_left(model):
        found = text.read(model, (layer, params.site), params.window, reads)
    trainer = Trainer(found.trained, scale_of(found.trained), features, params, model.device)
    curves = _Curves(params.steps)
    trains = ShareReporter(report, _READING_SHARE, 1 - _READING_SHARE - _MEASURING_SHARE)
    missing = _train(trainer, curves, params, trains)
    weights = _weights(trainer, params)
    (held, trained), missing = _measure(trainer, weights, found, report, missing)
    lead = text.windows.lead
    count = len(found.held_out[:MEASURED_STOPPED] if missing else found.held_out)
    ended = (trainer.done, count)
    facts = _facts(params, text, found, ended, (held, trained))
    made = Made(hook, kept(params), params.window, bool(lead), facts)
    target = save_autoencoder(target, weights, made, model.info, anew=not params.out_sae)
    stopped.tell_end(report)
    data = {
        **curves.fields(),
        **_measures(held, trained),
        "scale": trainer.scale,
        "d_in": found.trained.shape[1],
        "d_sae": features,
        "hook": hook,
        "tokens_read": text.windows.tokens,
        "tokens_trained": len(found.trained),
        "tokens_held_out": count,
        "windows": found.windows,
        "lead": np.array(lead, dtype=np.int64),
        "corpus": text.windows.corpus,
        "corpus_sha256": text.windows.sha256(),
        "file": params.out_sae or target.name,
    }
    told = (*text.notices(params), *_embeddings(layer, params), *_mostly_dead(trained, features))
    notices = [*missing, *told]
    return finish(model, ANALYSIS, params, (), (data, notices), clock)


def _place(model: LoadedModel, params: TrainSaeParams) -> int:
    """Return the layer.

    Raises:
        BadInputError: The model has no such place, or does not show it.
    """
    layer = resolve_index(params.layer_in(model.info.n_layers), model.info.n_layers, "--layer")
    require_shown(model, (layer,), params.site, "choose another --site or --layer")
    if not model.has_hook(site_hook(layer, params.site)):
        raise BadInputError(
            f"{model.info.name} does not show {params.site} of layer {layer}: choose another "
            "--site, such as resid_pre."
        )
    return layer


def _features(model: LoadedModel, params: TrainSaeParams) -> int:
    """Return how many features it has.

    Raises:
        BadInputError: There are fewer than each token keeps.
    """
    features = params.features or 4 * model.info.d_model
    if kept(params) > features:
        raise BadInputError(
            f"--k {params.k} is more than there are features ({features:,}): choose fewer, or more "
            "--features."
        )
    return features


def _weights(trainer: Trainer, params: TrainSaeParams) -> dict[str, torch.Tensor]:
    """Return the weights.

    Raises:
        BadInputError: They are not finite.
    """
    found = trainer.weights()
    if all(bool(torch.isfinite(value).all()) for value in found.values()):
        return found
    raise BadInputError(
        "The autoencoder comes out as numbers that are not finite, and is not written: choose "
        f"a smaller --lr than {params.lr:g}."
    )


def _bytes_needed(model: LoadedModel, params: TrainSaeParams, features: int) -> int:
    """Return what a step or a pass takes on top of the activations that are kept."""
    width = model.info.d_model
    rows = max(params.batch, measured_at_once(features))
    held = _STATES * 2 * width * features + _TABLES * rows * features
    return _ITEM * held + text_bytes(model, params.window, 1)


def _train(
    trainer: Trainer, curves: _Curves, params: TrainSaeParams, report: Reporter
) -> list[Notice]:
    """Take all steps; return what is missing where it was stopped.

    Raises:
        Cancelled: Before the first step, or nobody wants what there is.
    """
    steps = params.steps
    try:
        while curves.done < steps:
            report.step(curves.done / steps, f"step {curves.done + 1:,} of {steps:,}")
            curves.add(trainer.step())
            if curves.done % _STEPS_PER_PARTIAL == 0:
                report.partial(curves.fields())
    except Cancelled:
        if not curves.done:
            raise
        if curves.done == steps:
            return []  # there is measuring left, where it is asked again
        told = stopped.before(f"step {curves.done + 1:,} of {steps:,}", report)
        return [Notice(PARTIAL, f"{told[0].message} What was trained until then is written.")]
    return []


def _measure(
    trainer: Trainer,
    weights: dict[str, torch.Tensor],
    found: Activations,
    report: Reporter,
    missing: list[Notice],
) -> tuple[list[Measured], list[Notice]]:
    """Measure tokens held out, and those trained on; fewer of them once somebody has stopped it.

    Returns:
        Both, and what is missing.

    Raises:
        Cancelled: Nobody wants what there is.
    """
    both = (found.held_out, found.trained)
    if not missing:
        total, done, measured = sum(map(len, both)), 0, []
        try:
            for x in both:
                start = 1 - _MEASURING_SHARE * (1 - done / total)
                part = ShareReporter(report, start, _MEASURING_SHARE * len(x) / total)
                measured.append(measure(weights, trainer.kept, x, part, trainer.device))
                done += len(x)
        except Cancelled:
            missing = list(stopped.before("it was measured on all tokens", report))
        else:
            return measured, []
    some = [
        measure(weights, trainer.kept, x[:MEASURED_STOPPED], None, trainer.device) for x in both
    ]
    if any(len(x) > MEASURED_STOPPED for x in both):
        of = f"It is measured on the first {MEASURED_STOPPED:,} tokens of each kind alone."
        missing = [Notice(one.code, f"{one.message} {of}") for one in missing]
    return some, missing


def _facts(
    params: TrainSaeParams,
    text: Text,
    found: Activations,
    ended: tuple[int, int],
    measured: tuple[Measured, Measured],
) -> dict[str, Any]:
    """Return what the folder says of how it was made, in the numbers of the result.

    Args:
        params: The settings.
        text: What was read.
        found: Its activations.
        ended: Steps taken, and tokens held out that it was measured on.
        measured: What it does on these, and on those trained on.
    """
    (steps, count), (held, trained) = ended, measured
    how = {} if params.kind == "topk" else {"l1_coefficient": params.l1}
    return {
        "dataset_path": text.windows.corpus,
        "corpus_sha256": text.windows.sha256(),
        "first_positions_left_out": text.skipped,
        "training_tokens": len(found.trained),
        "tokens_held_out": count,
        **how,
        "steps": steps,
        "batch": params.batch,
        "lr": params.lr,
        "seed": params.seed,
        "variance_explained": round(held.explained, 4),
        "l0": round(held.l0, 2),
        "dead": round(trained.dead, 4),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "lensbench": package_version("lensbench"),
        "torch": package_version("torch"),
    }


def _measures(held: Measured, trained: Measured) -> dict[str, float]:
    return {
        "variance_explained": held.explained,
        "variance_explained_trained": trained.explained,
        "l0_end": held.l0,
        "dead_end": trained.dead,
        "mse": held.mse,
    }


def _embeddings(layer: int, params: TrainSaeParams) -> list[Notice]:
    """Return the warning where nothing has been computed yet of what is read."""
    if layer or params.site != "resid_pre":
        return []
    message = (
        "The stream before layer 0 holds embeddings alone: a feature there tells tokens, and in "
        "some models positions, and nothing of what stands before them. Choose a later --layer, or "
        "another --site, for more."
    )
    return [Notice("embeddings_alone", message)]


def _mostly_dead(trained: Measured, features: int) -> list[Notice]:
    """Return the warning where most features are of no use."""
    if trained.dead <= _MOSTLY_DEAD:
        return []
    message = (
        f"{round(trained.dead * features):,} of {features:,} features are activated by no token of "
        "the text: choose fewer --features, a longer text, or a smaller --l1."
    )
    return [Notice("features_dead", message)]
