"""Direct logit attribution: a number of the model's, split over the parts that write it.

Stream, final norm and unembedding are linear but for the norm's scale, which is held at what it is
in the very run; a soft cap is held as a factor at each token's own logit. So the parts sum to the
model's own number, and what is missing is said. What a part does by way of later ones is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.attribute.neurons import Neurons
from desktop_app.analyses.attribute.parts import (
    Parts,
    Question,
    require_sources,
    split,
    split_sources,
)
from desktop_app.analyses.attribute.spec import ANALYSIS, AttributeParams, bytes_of
from desktop_app.analyses.attribute.targets import Targets, choose_targets
from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import text_bytes, texts_per_pass, used_bytes
from desktop_app.engine.noise import HALF
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.nearness import near_notices
from desktop_app.methods.predictions import check_gate
from desktop_app.methods.streams import by_length
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_TOLERANCE = 1e-3
# What is known is shown again where it is so many times more: of many prompts not after each.
_WORTH_SHOWING = 1.05
_CONSEQUENCE = "what is split is not what it would say"


@dataclass(frozen=True)
class _Split:
    """What was found of one prompt: fields without their prompt axis, and what is to be said."""

    fields: dict[str, np.ndarray]
    notices: list[Notice]


@dataclass(frozen=True)
class _Task:
    """One attribution, settled.

    Attributes:
        layers: How many layers wrote the stream that is read.
    """

    model: LoadedModel
    params: AttributeParams
    targets: Targets
    layers: int


def run(model: LoadedModel, params: AttributeParams, report: Reporter) -> Result:
    """Split each prompt's number over embeddings, heads, biases and MLPs.

    Returns:
        `base [N]` the model's own number, `embed [N]`, `head [L, H, N]`, `attn_bias [L, N]`,
        `mlp [L, N]`, `bias [N]` of final norm and unembedding; `cumulative [2L+1, N]` sums up
        embeddings, each attention with its biases, and each MLP, without `bias`; `sum_error [N]`
        is the sum of all parts − `base`. `source [L, H, S, N]` sums to `head`; where lengths
        differ it is `[N][L, H, S]`. `neuron_layer`, `neuron`, `neuron_value [K, N]`.
    """
    clock = Clock(model)
    task = _settle(model, params, report)
    records = task.targets.prepared.records
    texts = [record.tokens.ids for record in records]
    report.needs(_needs(task, texts))
    found: dict[int, _Split] = {}
    missing: tuple[Notice, ...] = ()
    try:
        _fill(found, task, texts, report)
    except Cancelled:
        count = _whole(found, len(records))
        if not count:
            raise
        missing = stopped.before(f"prompt {count + 1} of {len(records)}", report)
    count = _whole(found, len(records))
    done = [found[number] for number in range(count)]
    notices = [n for n in task.targets.notices if n.prompt is None or n.prompt < count]
    notices += [n for one in done for n in one.notices]
    data = _fields(task, done)
    notices += [*_sum_notice(model, data["sum_error"]), *missing]
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, records[:count], (data, notices), clock)


def _settle(model: LoadedModel, params: AttributeParams, report: Reporter) -> _Task:
    """Return the task, with all that cannot be done refused."""
    layers = model.info.n_layers
    if params.layer is not None:
        layers = resolve_index(params.layer, layers + 1, "--layer")
    if params.neurons:
        Neurons(model, layers)  # refuses MLPs whose neurons cannot be told
    if params.by_source:
        require_sources(model, layers)
    task = _Task(model, params, choose_targets(model, params, report), layers)
    if params.by_source:
        lengths = [len(record.tokens) for record in task.targets.prepared.records]
        room = bytes_of(lengths, model.info.n_layers * model.info.n_heads)
        report.stores(room, model.storage.limit_bytes)
        if room > model.storage.limit_bytes:
            most = human_bytes(model.storage.limit_bytes)
            raise BadInputError(
                f"--by-source of these prompts takes {human_bytes(room)} and at most {most} are "
                "stored: choose fewer or shorter prompts."
            )
    return task


def _fill(
    found: dict[int, _Split], task: _Task, texts: Sequence[Sequence[int]], report: Reporter
) -> None:
    """Split all prompts; the first of them are shown as they are done, without their sources."""
    shown = 0
    work = partial(_split_some, task)
    for numbers, splits in by_length(task.model, texts, work, report, kept=0):
        found |= dict(zip(numbers, splits, strict=True))
        count = _whole(found, len(texts))
        if max(1, _WORTH_SHOWING * shown) <= count < len(texts):
            done = [found[number] for number in range(count)]
            report.partial(_fields(task, done, without="source"))
            shown = count


def _needs(task: _Task, texts: Sequence[Sequence[int]]) -> int:
    """Return the memory of the process (or on the GPU) at the peak of the run."""
    model, lengths = task.model, [len(text) for text in texts]
    most = max(
        min(lengths.count(n), texts_per_pass(model, n, 1)) * text_bytes(model, n, 1)
        for n in set(lengths)
    )
    heads = model.info.n_layers * model.info.n_heads
    return used_bytes(model.device) + most + task.params.by_source * bytes_of(lengths, heads)


def _whole(found: dict[int, _Split], total: int) -> int:
    """Return how many of the first prompts are done."""
    return next((number for number in range(total) if number not in found), total)


def _split_some(
    task: _Task, numbers: list[int], ids: torch.Tensor, report: Reporter
) -> list[_Split]:
    """Split the numbers of some prompts of one length."""
    model, params, prepared = task.model, task.params, task.targets.prepared
    read = [prepared.records[number].read_position for number in numbers]
    aims = [task.targets.aims[number] for number in numbers]
    share = 0.5 if params.by_source else 1.0
    question = Question(aims, read, task.layers, params.neurons)
    parts = split(model, ids, question, ShareReporter(report, 0.0, share))
    fields = _arrays(parts)
    if params.by_source:
        rest = ShareReporter(report, share, 1 - share)
        fields["source"] = split_sources(model, ids, read, parts, rest).numpy()
    said = _said(task, numbers, parts.logits)
    return [
        _Split(
            {name: values[..., row] for name, values in fields.items()},
            [notice for notice in said if notice.prompt == number],
        )
        for row, number in enumerate(numbers)
    ]


def _arrays(parts: Parts) -> dict[str, np.ndarray]:
    """Return the fields of some prompts as arrays, sums included."""
    fields = {
        name: getattr(parts, name).cpu().double().numpy()
        for name in ("base", "embed", "head", "attn_bias", "mlp", "bias")
    }
    attn = fields["head"].sum(1) + fields["attn_bias"]
    steps = np.stack([attn, fields["mlp"]], axis=1).reshape(2 * len(attn), -1)
    fields["cumulative"] = np.concatenate([fields["embed"][None], steps]).cumsum(0)
    fields["sum_error"] = fields["cumulative"][-1] + fields["bias"] - fields["base"]
    if parts.neurons is not None:
        names = ("neuron_layer", "neuron", "neuron_value")
        fields |= {n: x.numpy() for n, x in zip(names, parts.neurons, strict=True)}
    return fields


def _said(task: _Task, numbers: Sequence[int], logits: torch.Tensor) -> list[Notice]:
    """Return what is to be said of prompts' answers, where they are what is split."""
    if task.params.token:
        return []
    prepared = task.targets.prepared
    pairs = list(zip(numbers, logits, strict=True))
    known = [torch.empty(0)] * len(prepared.records)
    for number, read in pairs:
        known[number] = read
    found = check_gate(prepared.records, known, _CONSEQUENCE).notices
    return found + near_notices(task.model, task.params, prepared, pairs)


def _fields(task: _Task, done: Sequence[_Split], without: str = "") -> dict[str, Any]:
    """Return the fields of the result, prompts innermost where they agree in length."""
    data: dict[str, Any] = {}
    for name in (name for name in done[0].fields if name != without):
        values = [one.fields[name] for one in done]
        if len({value.shape for value in values}) > 1:
            data[name] = tuple(values)
        elif name in {"neuron_layer", "neuron", "neuron_value"}:
            data[name] = np.stack(values, axis=-1)
        else:
            data |= with_twins(name, np.stack(values, axis=-1))
    if task.targets.named:
        data["token_id"] = np.array(task.targets.named[: len(done)])
    records = task.targets.prepared.records[: len(done)]
    data["read_position"] = np.array([record.read_position for record in records])
    return data


def _sum_notice(model: LoadedModel, errors: np.ndarray) -> list[Notice]:
    """Return the warning that parts do not sum to the model's number, if they do not."""
    sizes = np.abs(errors)
    if not bool((sizes > _TOLERANCE).any()):
        return []
    worst = int(np.nanargmax(sizes))
    why = "treat parts of that size with care"
    if model.info.dtype in HALF:
        why = f"{model.info.dtype} rounds every part; load the model with --dtype float32"
    message = (
        f"The parts sum to the model's own number only within {sizes[worst]:.2g} (prompt "
        f"{worst + 1}): {why}."
    )
    return [Notice("sum_differs", message, None, worst)]
