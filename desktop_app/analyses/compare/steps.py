"""Taking a model's norms away step by step, as for gpt2_noLN; each step is held to do something.

On the plain Hugging Face module, without hooks: eps of every norm to 1e12, the weights of the norms
beside the blocks times 1e6 (the last one has weights of its own, which cannot be folded where
embedding and unembedding are one matrix), then those of the blocks' norms. What comes of it is
held against plain modules that compute x·w + b. A checkpoint that was trained to do without norms
has all this in its files: there each step is undone instead, and must be missed.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.compare.second import refuse_too_long
from desktop_app.contract.report import ShareReporter
from desktop_app.engine import norms
from desktop_app.engine.loading import load_plain, plain_logits
from desktop_app.engine.norm_effects import context_of, damage
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.norms import Norm

_MOST_TEXTS = 8
_USUAL_EPS = 1e-5
# Of the largest logit: what moves by less has not moved.
_UNMOVED = 1e-6
_LOADED = 0.7
OWN = "its norms as they are"
EPS = tuple(10.0**power for power in range(4, 15))


@dataclass
class _Watched:
    """A plain module on some texts, and where it first gave numbers that are not finite.

    Attributes:
        model: The Hugging Face module.
        blocks: Its layers.
        rows: The texts, `[1, S]` each.
        bad: What had been done to it then (`step`), and in which `layer`; empty where it never was.
    """

    model: Any
    blocks: Sequence[torch.nn.Module]
    rows: Sequence[torch.Tensor]
    bad: dict[str, Any] = field(default_factory=dict)

    def logits(self, report: Reporter, words: str) -> torch.Tensor:
        """Return its logits `[S, V]` of all texts."""
        report.check()
        found = torch.cat([plain_logits(self.model, ids) for ids in self.rows])
        if not self.bad and not bool(torch.isfinite(found).all()):
            self.bad = {"step": words, "layer": self._first_layer()}
        return found

    def _first_layer(self) -> int | None:
        seen: list[int] = []

        def look(number: int, _block: object, _given: object, out: Any) -> None:
            stream = out[0] if isinstance(out, tuple) else out
            if not bool(torch.isfinite(stream).all()):
                seen.append(number)

        handles = [
            block.register_forward_hook(partial(look, number))
            for number, block in enumerate(self.blocks)
        ]
        try:
            for ids in self.rows:
                plain_logits(self.model, ids)
        finally:
            for handle in handles:
                handle.remove()
        return min(seen, default=None)


@dataclass
class _Recipe:
    """A plain module with its norms, and what it says of some texts.

    Attributes:
        model: The Hugging Face module.
        found: Its norms, as they were.
        logits: What it gives now, `[S, V]` of all texts; told what was done to it.
        own: What it gave as it was loaded.
        plain: What it gives with x·w + b in place of every norm.
    """

    model: Any
    found: tuple[Norm, ...]
    logits: Callable[[str], torch.Tensor]
    own: torch.Tensor
    plain: torch.Tensor

    @property
    def inside(self) -> tuple[Norm, ...]:
        """The norms within blocks: their place has a number."""
        return tuple(n for n in self.found if any(p.isdecimal() for p in n.name.split(".")))

    @property
    def beside(self) -> tuple[Norm, ...]:
        """All others: of the embeddings, and the last one."""
        return tuple(n for n in self.found if n not in self.inside)


def norm_steps(spec: ModelSpec, texts: Sequence[Sequence[int]], report: Reporter) -> dict[str, Any]:
    """Return what each step did, and how far eps alone and with the weights is from x·w + b.

    Args:
        spec: The model, whatever it says of norms.
        texts: Token ids; of many the first.
        report: Told of each step; may cancel there.

    Numbers that are not finite are no fields, but told under `not_finite`: at which step first, and
    in which layer.

    Raises:
        BadInputError: A step changed nothing, the number format cannot hold it, or a text is
            longer than the model reads.
    """
    if spec.dtype == "float16":
        raise BadInputError(
            f"--norm-steps cannot be taken with {spec.model} as float16: an eps of 1e12 is beyond "
            "its largest number, 65,504; choose --with-dtype float32 or bfloat16."
        )
    if spec.offload != "none":
        raise BadInputError(
            f"--norm-steps changes weights, and those of {spec.model} lie on the disk: load it "
            "with --offload none, or leave the option out."
        )
    report.step(0.0, "Reading the plain model")
    model = load_plain(spec, ShareReporter(report, 0.0, _LOADED))
    norms.refuse_offloaded(model, spec)
    most = context_of(model.config)
    if most is not None:
        refuse_too_long(spec.model, most, texts)
    found = norms.stream_norms(model, spec.model)
    device = next(iter(model.parameters())).device
    rows = [torch.tensor([list(text)], device=device) for text in texts[:_MOST_TEXTS]]
    watched = _Watched(model, _blocks(model, found), rows)
    logits = partial(watched.logits, report)
    own = logits(OWN)
    with _kept(model, found):
        for norm in found:
            norms.put(model, norm.name, norms.without_division(norm))
        plain = logits("x·w + b in place of every norm")
    recipe = _Recipe(model, found, logits, own, plain)
    share = ShareReporter(report, _LOADED, 1 - _LOADED)
    inert = all(norm.inert for norm in found)
    steps = _undone(recipe, spec, share) if inert else _taken(recipe, spec, share)
    names = norms.Change("identity", found).recipe()
    fields = {"steps": tuple(steps), "inert": inert, "step_norms": tuple(names)}
    fields |= {} if inert else _curve(recipe, share)
    return fields | ({"not_finite": watched.bad} if watched.bad else {})


def _blocks(model: Any, found: tuple[Norm, ...]) -> Sequence[torch.nn.Module]:
    """Return the layers, by the places of the norms within them."""
    for norm in found:
        parts = norm.name.split(".")
        number = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
        if number is not None:
            return list(model.get_submodule(".".join(parts[:number])))
    return []


def _taken(recipe: _Recipe, spec: ModelSpec, report: Reporter) -> Iterator[dict[str, Any]]:
    """Yield the steps of the recipe, one upon the other."""
    everything = (*recipe.inside, *recipe.beside)
    steps: tuple[tuple[str, tuple[Norm, ...], float, float], ...] = (
        ("eps 1e12 in every norm", everything, norms.EPS, 1.0),
        ("weights of the other norms × 1e6", recipe.beside, norms.EPS, norms.SCALE),
        ("weights of the blocks' norms × 1e6", recipe.inside, norms.EPS, norms.SCALE),
    )
    before = recipe.own
    with _kept(recipe.model, recipe.found):
        for number, (words, some, eps, scale) in enumerate(steps):
            report.step(0.4 * number / len(steps), words)
            if not some:
                continue
            for norm in some:
                norms.silence(recipe.model, _now(recipe.model, norm), eps, scale)
            after = recipe.logits(words)
            yield _row(words, len(some), before, after, recipe, spec)
            before = after


def _undone(recipe: _Recipe, spec: ModelSpec, report: Reporter) -> Iterator[dict[str, Any]]:
    """Yield what is missed where one step of the recipe is undone in a checkpoint that has all."""
    steps: tuple[tuple[str, tuple[Norm, ...], Callable[[Norm], None]], ...] = (
        ("undone: eps back to 1e-5", recipe.found, _usual_eps),
        ("undone: weights of the blocks' norms back", recipe.inside, _usual_weights),
        ("undone: the other norms' own weights", recipe.beside, _no_weights),
    )
    for number, (words, some, undo) in enumerate(steps):
        report.step(number / len(steps), words)
        if not some:
            continue
        with _kept(recipe.model, recipe.found):
            for norm in some:
                undo(_now(recipe.model, norm))
            yield _row(words, len(some), recipe.own, recipe.logits(words), recipe, spec)


def _usual_eps(norm: Norm) -> None:
    for name in ("eps", "variance_epsilon"):
        if hasattr(norm.module, name):
            setattr(norm.module, name, _USUAL_EPS)


def _usual_weights(norm: Norm) -> None:
    weight: Any = norm.module.weight
    with torch.no_grad():
        weight.copy_((norm.offset + weight) / norm.eps**0.5 - norm.offset)


def _no_weights(norm: Norm) -> None:
    """Leave a norm's weights their size, all of them the same, and take its bias away."""
    weight, bias = norm.module.weight, getattr(norm.module, "bias", None)
    with torch.no_grad():
        weight.fill_(float((norm.offset + weight).mean()) - norm.offset)  # type: ignore[operator, union-attr]
        if bias is not None:
            bias.zero_()


def _row(
    words: str,
    count: int,
    before: torch.Tensor,
    after: torch.Tensor,
    recipe: _Recipe,
    spec: ModelSpec,
) -> dict[str, Any]:
    """Return what a step did; refuse one that did nothing."""
    found, from_own = damage(before, after), damage(recipe.own, after)
    if found.finite and found.moved <= _UNMOVED * found.largest:
        raise BadInputError(
            f"--norm-steps: “{words}” changed nothing in {spec.model} (logits moved by "
            f"{found.moved:.1g}), so its norms are not what they are taken for: leave the option "
            "out."
        )
    return {
        "step": words,
        "norms": count,
        "moved": found.moved,
        "moved_from_own": from_own.moved,
        "from_plain": float((after - recipe.plain).abs().max()),
        "top1_agreement": from_own.top1_agreement,
        "destroyed": from_own.destroyed,
    }


def _curve(recipe: _Recipe, report: Reporter) -> dict[str, np.ndarray]:
    """Return by eps how far the model is from x·w + b, with its weights rescaled and without."""
    errors: dict[str, list[float]] = {"eps_error": [], "eps_unscaled": []}
    for number, eps in enumerate(EPS):
        report.step(0.4 + 0.6 * number / len(EPS), f"eps {eps:.0e}")
        for name, scale in (("eps_error", eps**0.5), ("eps_unscaled", 1.0)):
            with _kept(recipe.model, recipe.found):
                for norm in recipe.found:
                    norms.silence(recipe.model, norm, eps, scale)
                after = recipe.logits(f"eps {eps:.0e}")
                errors[name].append(float((after - recipe.plain).abs().max()))
    return {"eps": np.array(EPS), **{name: np.array(values) for name, values in errors.items()}}


def _now(model: Any, norm: Norm) -> Norm:
    """Return a norm with the module that stands in its place now."""
    module = model.get_submodule(norm.name)
    return type(norm)(norm.name, module, norm.centres, norm.offset, norm.eps)


@contextmanager
def _kept(model: Any, found: tuple[Norm, ...]) -> Iterator[None]:
    """Give a model its norms back as they were."""
    before = [(norm, copy.deepcopy(norm.module)) for norm in found]
    try:
        yield
    finally:
        for norm, module in before:
            # The very module, since it may be named in several places; its numbers as they were.
            norms.put(model, norm.name, norm.module)
            norm.module.__dict__.update(
                {k: v for k, v in module.__dict__.items() if not k.startswith("_")}
            )
            norm.module.load_state_dict(module.state_dict())
