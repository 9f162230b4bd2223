"""One pass for every sweep.

Removing each head in turn looks like layers × heads passes; it is one. All variants equal the
untouched run up to the layer that they touch, so a single pass carries a growing batch: the first
rows are the untouched prompts; where the stream enters layer `l`, the variants that touch `l` join
as copies of them, and each variant's change is applied to its own rows alone. Before the
unembedding only the read position is kept.

The call is made with a single row of ids, and the stream at the first block is replaced by that of
all prompts: attention masks and position embeddings then have batch size 1 and broadcast over
however many rows there are. That is why prompts of one call must share their token length and are
never padded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from desktop_app.analyses.report import Reporter, SilentReporter
from desktop_app.engine.interventions import Edit, apply
from desktop_app.engine.memory import free_bytes, is_out_of_memory, release_memory
from desktop_app.engine.model import READ_HOOK, Hooks, LoadedModel, site_hook
from desktop_app.support.errors import MemoryExhaustedError

# Beyond this many tokens at once a CPU gains no speed, and a pass takes too long to cancel.
_CPU_TOKENS_PER_PASS = 8192
_SHARE_OF_FREE_MEMORY = 0.4

Score = Callable[[torch.Tensor, int, torch.Tensor | None], torch.Tensor]
"""(logits `[rows, V]` or `[rows, S, V]`, prompt, untouched logits) -> metric `[rows]`."""

OnPart = Callable[[torch.Tensor, torch.Tensor], None]
"""Receives (base `[N]`, values `[edits, N]`, NaN where still to come) after each pass."""


class _EnterSeenError(Exception):
    """Raised by the hook that has seen the stream enter the first block."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        base: The metric untouched, float32 `[N]`.
        values: The metric under each edit, float32 `[edits, N]`.
        base_logits: Untouched logits at the read position, `[N, V]`.
    """

    base: torch.Tensor
    values: torch.Tensor
    base_logits: torch.Tensor


@dataclass(frozen=True)
class SweepPlan:
    """How a sweep reads and how much it may take.

    Attributes:
        read: The read position of each prompt.
        score: Turns logits into the metric.
        all_positions: Whether the metric needs the logits of every position.
        budget_bytes: Memory the rows may take; None takes a share of what is free.
    """

    read: tuple[int, ...]
    score: Score
    all_positions: bool = False
    budget_bytes: int | None = None


def sweep(
    model: LoadedModel,
    ids: torch.Tensor,
    edits: Sequence[Edit],
    plan: SweepPlan,
    report: Reporter | None = None,
    on_part: OnPart | None = None,
) -> Swept:
    """Run every edit, each in rows of its own, in as few passes as memory allows.

    Args:
        model: The model.
        ids: Token ids `[N, S]` of prompts of one length, unpadded.
        edits: The changes, each independent of the others.
        plan: What is read, and the memory budget.
        report: Told after every layer; may cancel there.
        on_part: Told the values of each pass as they come.

    Returns:
        Metrics in the order of `edits`.

    Raises:
        MemoryExhaustedError: Not even one edit at a time fits.
    """
    runner = _Runner(model, ids, plan, report or SilentReporter())
    order = sorted(range(len(edits)), key=lambda i: edits[i].layer)
    values = torch.full((len(edits), len(ids)), float("nan"))
    limit = runner.rows_per_pass()
    start = 0
    base: torch.Tensor | None = None
    while base is None or start < len(order):
        chunk = order[start : start + limit]
        runner.span = (start / max(1, len(order)), len(chunk) / max(1, len(order)))
        try:
            base, found = runner.one_pass([edits[i] for i in chunk])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            limit = _halve(min(limit, max(1, len(chunk))), model)
            continue
        values[chunk] = found
        start += len(chunk)
        if on_part is not None:
            on_part(base, values)
    return Swept(base, values, runner.base_logits)


def _halve(limit: int, model: LoadedModel) -> int:
    release_memory(model.device)
    if limit <= 1:
        raise MemoryExhaustedError(
            f"{model.info.name} ran out of memory with a single change at a time: shorten the "
            "prompts, choose --dtype bfloat16, or use --offload disk."
        )
    return limit // 2


class _Runner:
    """One sweep's fixed surroundings: the prompts' streams, the plan and who is told."""

    def __init__(
        self, model: LoadedModel, ids: torch.Tensor, plan: SweepPlan, report: Reporter
    ) -> None:
        self.model = model
        self.ids = ids
        self.plan = plan
        self.report = report
        self.span = (0.0, 1.0)
        self.stream = entering_stream(model, ids)
        self.base_logits = torch.empty(0)

    def rows_per_pass(self) -> int:
        """Return how many edits fit in one pass under the budget."""
        budget = self.plan.budget_bytes
        if budget is None:
            budget = int(_SHARE_OF_FREE_MEMORY * free_bytes(self.model.device))
        n, length = self.ids.shape
        rows = max(
            1, budget // row_bytes(self.model, length, all_positions=self.plan.all_positions)
        )
        if self.model.device.type == "cpu":
            rows = min(rows, max(16, _CPU_TOKENS_PER_PASS // length))
        return max(1, int(rows) // n - 1)

    def one_pass(self, edits: list[Edit]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (base `[N]`, values `[len(edits), N]`); edits come sorted by layer."""
        hooks = [*self._enter_hooks(), *self._edit_hooks(edits), *self._layer_hooks(edits)]
        if not self.plan.all_positions:
            hooks.append((READ_HOOK, self._keep_read_position))
        logits = self.model.run(self.ids[:1], hooks)
        return self._scores(logits, len(edits))

    def _enter_hooks(self) -> Hooks:
        stream = self.stream
        return [(site_hook(0, "resid_pre"), lambda _x, hook: stream)]

    def _edit_hooks(self, edits: list[Edit]) -> Iterator[tuple[str, Callable[..., torch.Tensor]]]:
        """Yield hooks that let each layer's edits join, and apply each to its own rows."""
        n = len(self.ids)
        by_layer: dict[int, list[tuple[int, Edit]]] = {}
        for number, edit in enumerate(edits):
            by_layer.setdefault(edit.layer, []).append((number, edit))
        for layer, members in by_layer.items():
            yield site_hook(layer, "resid_pre"), _joiner(n, len(members))
            by_site: dict[str, list[tuple[int, Edit]]] = {}
            for number, edit in members:
                by_site.setdefault(site_hook(layer, edit.site), []).append((number, edit))
            for name, group in by_site.items():
                yield name, _editor(group, n)

    def _layer_hooks(self, edits: list[Edit]) -> Iterator[tuple[str, Callable[..., None]]]:
        """Yield a hook per layer that reports the share of arithmetic done; it may cancel."""
        layers = self.model.info.n_layers
        n = len(self.ids)
        live = [n * (1 + sum(edit.layer <= layer for edit in edits)) for layer in range(layers)]
        total, first, share = sum(live), self.span[0], self.span[1]
        done = 0
        for layer in range(layers):
            fraction = first + share * done / total
            note = f"layer {layer + 1} of {layers}"
            yield site_hook(layer, "resid_pre"), _reporter(self.report, fraction, note)
            done += live[layer]

    def _keep_read_position(self, x: torch.Tensor, hook: object) -> torch.Tensor:
        n = len(self.ids)
        read = torch.tensor(self.plan.read, device=x.device).repeat(len(x) // n)
        return x[torch.arange(len(x), device=x.device), read][:, None]

    def _scores(self, logits: torch.Tensor, n_edits: int) -> tuple[torch.Tensor, torch.Tensor]:
        n = len(self.ids)
        if not self.plan.all_positions:
            logits = logits[:, 0]
        base_rows = logits[:n]
        read = torch.tensor(self.plan.read, device=logits.device)
        at_read = base_rows[torch.arange(n), read] if self.plan.all_positions else base_rows
        self.base_logits = at_read.float().cpu()
        per_prompt = [self.plan.score(logits[p::n], p, at_read[p]).float().cpu() for p in range(n)]
        table = torch.stack(per_prompt, dim=-1)
        return table[0], table[1 : n_edits + 1]


def entering_stream(model: LoadedModel, ids: torch.Tensor) -> torch.Tensor:
    """Return the stream `[N, S, d_model]` that enters the first block."""
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor, hook: object) -> None:
        seen.append(x.clone())
        raise _EnterSeenError

    try:
        model.run(ids, [(site_hook(0, "resid_pre"), keep)])
    except _EnterSeenError:
        model.forward_passes -= 1
    return seen[0]


def row_bytes(model: LoadedModel, length: int, *, all_positions: bool) -> int:
    """Return the memory that one row of a sweep takes at its peak, an upper estimate."""
    info = model.info
    item = 2 if info.dtype in {"bfloat16", "float16"} else 4
    d_mlp = int(getattr(model.bridge.cfg, "d_mlp", None) or 4 * info.d_model)
    stream = 6 * length * info.d_model
    attention = 4 * length * info.n_heads * info.d_head + 3 * info.n_heads * length * length
    mlp = 4 * length * d_mlp
    logits = (length if all_positions else 1) * info.d_vocab
    return item * (stream + max(attention, mlp)) + (item + 8) * logits


@contextmanager
def no_hooks_left(model: LoadedModel) -> Iterator[None]:
    """Make sure that nothing stays attached, whatever ends the run."""
    try:
        yield
    finally:
        if model.hooks_left():
            model.bridge.reset_hooks(including_permanent=True)


def _joiner(n: int, count: int) -> Callable[..., torch.Tensor]:
    """Return a hook that appends `count` copies of the untouched rows."""

    def join(x: torch.Tensor, hook: object) -> torch.Tensor:
        return torch.cat([x, x[:n].repeat(count, 1, 1)])

    return join


def _editor(group: list[tuple[int, Edit]], n: int) -> Callable[..., torch.Tensor]:
    """Return a hook that applies each edit to its own rows."""

    def edit_rows(x: torch.Tensor, hook: object) -> torch.Tensor:
        for number, edit in group:
            apply(edit, x, slice(n * (1 + number), n * (2 + number)))
        return x

    return edit_rows


def _reporter(report: Reporter, fraction: float, note: str) -> Callable[..., None]:
    def tell(_x: torch.Tensor, hook: object) -> None:
        report.step(fraction, note)

    return tell
