"""A model without its LayerNorms: what is a norm in it, and what is put in its place.

Replaced are the norms that the residual stream goes through: those that stand directly in a block
(before attention and MLP, or behind them) and those beside the blocks (of the embeddings, at the
end), as wide as the stream. What normalises inside attention, such as queries and keys, stays, and
so does every norm of another width. What a norm is, is told by what it makes of a few rows, not by
its name; one that is of no known kind is refused.

`eps`: the module stays, with an eps of 1e12 and weights times 1e6, so that x · w + b is left of it
(relative error: variance / 2e12). `identity`: a module that computes just that; folding the weights
into what reads them, centring what writes, and leaving an Identity behind computes the same.
`constant`: the division stays, by constants that are measured on a sample text while loading.
A checkpoint that was trained without norms in the first way is left as it is by `eps`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from desktop_app.engine.norm_modules import ConstantDivision, Positions, WithoutDivision
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.requests import LayerNorm, ModelSpec

EPS = 1e12
SCALE = 1e6  # the root of it
# From here on a norm's own eps outweighs what it reads: it has been trained without dividing.
_INERT = 1e6
_USUAL_EPS = (1e-5, 1e-6, 1e-12, 1e-8)
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}
_HALF_TOLERANCE = 0.03
# By how much rows are made larger to see a norm's weights alone, also one of a huge eps.
_LOUD, _LOUD_FLOAT16 = 1e9, 50.0


@dataclass(frozen=True)
class Norm:
    """A norm of the stream.

    Attributes:
        name: Its place in the Hugging Face model.
        module: The norm itself.
        centres: Whether it takes the mean away, as LayerNorm does and RMSNorm does not.
        offset: What is added to its weight before it multiplies: 1 in Gemma and Nemotron.
        eps: What is added to the mean square.
    """

    name: str
    module: nn.Module
    centres: bool
    offset: float
    eps: float

    @property
    def inert(self) -> bool:
        """Whether it divides by its eps alone, whatever it reads."""
        return self.eps >= _INERT

    def deviation(self, x: Tensor) -> Tensor:
        """Return what it divides `x` by, `[...]`, float32."""
        x = x.float()
        if self.centres:
            x = x - x.mean(-1, keepdim=True)
        return (x.pow(2).mean(-1) + self.eps).sqrt()


def stream_norms(hf_model: Any, name: str) -> tuple[Norm, ...]:
    """Return the norms that a Hugging Face model's stream goes through, in order.

    Args:
        hf_model: The model.
        name: What the user calls it.

    Raises:
        ModelLoadError: One is of no known kind, or a block has none.
    """
    place, blocks = _blocks(hf_model, name)
    config = hf_model.config.get_text_config()
    width = int(config.hidden_size)
    found: dict[int, Norm] = {}
    parents = [*_beside(hf_model, place.rpartition(".")[0])]
    beside = len(parents)
    parents += [(f"{place}.{number}", block) for number, block in enumerate(blocks)]
    for number, (path, parent) in enumerate(parents):
        there = len(found)
        for own, module in parent.named_children():
            if id(module) not in found and normalises(module, width):
                full = f"{path}.{own}".lstrip(".")
                found[id(module)] = described(module, full, width, config, name)
        if number >= beside and len(found) == there:
            raise ModelLoadError(
                f"“{name}” cannot be loaded without its norms: {path} ({type(parent).__name__}) "
                "has none that stands directly in it; choose --layernorm keep."
            )
    return tuple(found.values())


def _blocks(hf_model: Any, name: str) -> tuple[str, nn.ModuleList]:
    layers = getattr(hf_model.config.get_text_config(), "num_hidden_layers", None)
    for place, module in hf_model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            return place, module
    raise ModelLoadError(
        f"“{name}” cannot be loaded without its norms: {type(hf_model).__name__} has no list of "
        "blocks to look for them in; choose --layernorm keep."
    )


def _beside(hf_model: Any, owner: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield what holds the blocks, and beside them what holds the token embeddings, if anything."""
    yield owner, hf_model.get_submodule(owner)
    table = hf_model.get_input_embeddings()
    for own, module in hf_model.get_submodule(owner).named_children():
        if module is not table and any(part is table for part in module.modules()):
            yield f"{owner}.{own}".lstrip("."), module


def normalises(module: nn.Module, width: int) -> bool:
    """Return whether a module gives the same whatever its input is multiplied by."""
    parameters = list(module.parameters())
    if next(module.children(), None) is not None or any(p.shape != (width,) for p in parameters):
        return False
    x = _probe(module, width)
    try:
        one, ten = _fed(module, x), _fed(module, 10 * x)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, NotImplementedError):
        return False
    if one.shape != x.shape or not bool(torch.isfinite(one).all() and torch.isfinite(ten).all()):
        return False
    return _close(one, ten, module) and not _close(one, torch.zeros_like(one), module)


def described(module: nn.Module, full: str, width: int, config: Any, name: str) -> Norm:
    """Return what a norm does, held against what it makes of rows."""
    x = _probe(module, width)
    plus, minus, moved = (_fed(module, some) for some in (x, -x, x + x.abs().max()))
    centres = _close(plus, moved, module)
    weight, bias = (getattr(module, own, None) for own in ("weight", "bias"))
    inside = (plus - minus) / 2
    for eps in _eps_of(module, config):
        # Rows that are small enough for this eps to count.
        small = x / _loud(module) * max(eps, 1e-12) ** 0.5
        for offset in (0.0, 1.0) if weight is not None else (0.0,):
            norm = Norm(full, module, centres, offset, eps)
            made = [_made(norm, rows, weight, bias) for rows in (x, small)]
            gave = (inside + _bias(bias), _fed(module, small))
            if all(_close(a, b, module) for a, b in zip(made, gave, strict=True)):
                return norm
    raise ModelLoadError(
        f"“{name}” cannot be loaded without its norms: {full} ({type(module).__name__}) is neither "
        "a LayerNorm nor an RMSNorm as Lensbench knows them; choose --layernorm keep."
    )


def _made(norm: Norm, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    wide = x.float()
    inside = wide - wide.mean(-1, keepdim=True) if norm.centres else wide
    found = inside / norm.deviation(x)[..., None]
    gain = 1.0 if weight is None else norm.offset + weight.detach().float()
    return found * gain + _bias(bias)


def _bias(bias: Tensor | None) -> Tensor | float:
    return 0.0 if bias is None else bias.detach().float()


def _eps_of(module: nn.Module, config: Any) -> Iterator[float]:
    """Yield what may be a norm's eps: its own attribute, the settings', the usual ones."""
    named = [*vars(module).items(), *vars(config).items()]
    told = [v for n, v in named if "eps" in n and isinstance(v, float)]
    yield from dict.fromkeys((*told, *_USUAL_EPS, torch.finfo(torch.float32).eps))


def _probe(module: nn.Module, width: int) -> Tensor:
    parameter = next(module.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    device = None if parameter is None else parameter.device
    ramp = torch.linspace(-1, 1, width, device=device) + 0.3 * torch.cos(
        torch.arange(2, device=device)[:, None] + torch.arange(width, device=device)
    )
    return (ramp[None] * _loud(module)).to(dtype)


def _loud(module: nn.Module) -> float:
    parameter = next(module.parameters(), None)
    is_float16 = parameter is not None and parameter.dtype is torch.float16
    return _LOUD_FLOAT16 if is_float16 else _LOUD


def _fed(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = module(x)
    return found.float()


def _close(one: Tensor, other: Tensor, module: nn.Module) -> bool:
    parameter = next(module.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    most = float(torch.maximum(one.abs().max(), other.abs().max()))
    allowed = _TOLERANCE.get(dtype, _HALF_TOLERANCE) * max(most, 1e-30)
    return bool((one - other).abs().max() <= allowed)


@dataclass(frozen=True)
class Change:
    """What was done to a model's norms.

    Attributes:
        kind: As `--layernorm` says it.
        norms: As they were.
        constants: Per norm the divisor of position 0 and of all others; empty but for `constant`.
    """

    kind: LayerNorm
    norms: tuple[Norm, ...]
    constants: tuple[tuple[float, float], ...] = ()

    @property
    def must_move(self) -> bool:
        """Whether logits cannot be what they were."""
        return any(not norm.inert for norm in self.norms)

    def recipe(self) -> list[dict[str, Any]]:
        """Return what a script needs to do the same again, norm by norm."""
        found: list[dict[str, Any]] = []
        for number, norm in enumerate(self.norms):
            own = {"name": norm.name, "centres": norm.centres, "offset": norm.offset}
            own["eps"] = norm.eps
            if self.constants:
                own["first"], own["rest"] = self.constants[number]
            found.append(own)
        return found


def refuse_offloaded(hf_model: Any, spec: ModelSpec) -> None:
    """Refuse to change weights that are not in memory."""
    if any(parameter.device.type == "meta" for parameter in hf_model.parameters()):
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded without its norms while its weights lie on the disk: "
            "choose --offload none, or --layernorm keep."
        )


def change(hf_model: Any, spec: ModelSpec, texts: Sequence[Tensor]) -> Change:
    """Put what the spec asks for in the place of a model's norms.

    Args:
        hf_model: The Hugging Face model, before TransformerLens stands around it.
        spec: What was asked for.
        texts: Token ids `[1, S]` on which constants are measured.

    Raises:
        ModelLoadError: A norm is of no known kind, or the numbers cannot hold what it takes.
    """
    refuse_offloaded(hf_model, spec)
    norms = stream_norms(hf_model, spec.model)
    dtype = next(iter(hf_model.parameters())).dtype
    if spec.layernorm == "eps" and dtype is torch.float16:
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded with --layernorm eps as float16: an eps of 1e12 is "
            "beyond its largest number, 65,504; choose --dtype float32 or bfloat16, or --layernorm "
            "identity."
        )
    if spec.layernorm == "eps":
        for norm in norms:
            if not norm.inert:
                silence(hf_model, norm)
        tell_config(hf_model.config, norms)
        return Change("eps", norms)
    if spec.layernorm == "identity":
        for norm in norms:
            put(hf_model, norm.name, without_division(norm))
        return Change("identity", norms)
    constants = measured(hf_model, norms, texts)
    positions = Positions()
    positions.watch(hf_model)
    for norm, (first, rest) in zip(norms, constants, strict=True):
        if not (0 < first < float("inf") and 0 < rest < float("inf")):
            raise ModelLoadError(
                f"“{spec.model}” cannot be loaded with --layernorm constant: what {norm.name} "
                "divides by on a sample text is no number; choose --layernorm keep."
            )
        own = {"centres": norm.centres, "offset": norm.offset}
        module = ConstantDivision(first, rest, positions, **own, **_parameters(norm.module))
        put(hf_model, norm.name, module)
    return Change("constant", norms, constants)


def silence(hf_model: Any, norm: Norm, eps: float = EPS, scale: float = SCALE) -> None:
    """Give a norm an eps that outweighs what it reads, and weights that make up for it.

    Args:
        hf_model: The model.
        norm: One of its norms.
        eps: The new eps.
        scale: What the weights are multiplied by; 1 kills the model.
    """
    own = next((n for n in ("eps", "variance_epsilon") if hasattr(norm.module, n)), None)
    weight = getattr(norm.module, "weight", None)
    if own is None or weight is None:  # a norm with nothing to set gets both
        kind = nn.LayerNorm if norm.centres else nn.RMSNorm
        width, device = hf_model.config.get_text_config().hidden_size, hf_model.device
        module = kind(width, eps=eps, device=device, dtype=hf_model.dtype)
        with torch.no_grad():
            module.weight.fill_(scale)
        put(hf_model, norm.name, module)
        return
    setattr(norm.module, own, eps)
    with torch.no_grad():
        weight.copy_((norm.offset + weight.float()) * scale - norm.offset)


def without_division(norm: Norm) -> WithoutDivision:
    """Return a norm's weights without its division; one that is inert keeps that factor."""
    given = _parameters(norm.module)
    weight = given["weight"]
    if norm.inert and weight is not None:
        made = (norm.offset + weight.detach().float()) / norm.eps**0.5 - norm.offset
        given["weight"] = nn.Parameter(made.to(weight.dtype), requires_grad=weight.requires_grad)
    return WithoutDivision(**given, centres=norm.centres, offset=norm.offset)


def measured(
    hf_model: Any, norms: Sequence[Norm], texts: Sequence[Tensor]
) -> tuple[tuple[float, float], ...]:
    """Return per norm the mean divisor at position 0 of texts, and at all other positions."""
    seen: list[list[Tensor]] = [[] for _norm in norms]
    handles = []
    for number, norm in enumerate(norms):

        def look(
            _module: nn.Module, given: tuple[Any, ...], number: int = number, norm: Norm = norm
        ) -> None:
            seen[number].append(norm.deviation(given[0]).flatten().cpu())

        handles.append(norm.module.register_forward_pre_hook(look))
    try:
        with torch.no_grad():
            for ids in texts:
                hf_model(ids.to(hf_model.device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for rows in seen:
        later = torch.cat([row[1:] for row in rows])
        first = float(torch.stack([row[0] for row in rows]).mean())
        found.append((first, float(later.mean()) if len(later) else first))
    return tuple(found)


@contextmanager
def variances(hf_model: Any, norms: Sequence[Norm]) -> Iterator[list[float]]:
    """Gather the largest variance that any norm reads in the passes that are made within."""
    found: list[float] = []
    handles = []
    for norm in norms:

        def look(_module: nn.Module, given: tuple[Any, ...], norm: Norm = norm) -> None:
            found.append(float((norm.deviation(given[0]).square() - norm.eps).max()))

        module = hf_model.get_submodule(norm.name)
        handles.append(module.register_forward_pre_hook(look))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def put(hf_model: Any, name: str, module: nn.Module) -> None:
    """Put a module at a place of a model."""
    parent, _dot, own = name.rpartition(".")
    setattr(hf_model.get_submodule(parent), own, module)


def _parameters(module: nn.Module) -> dict[str, Any]:
    return {name: getattr(module, name, None) for name in ("weight", "bias")}


def tell_config(config: Any, norms: Sequence[Norm]) -> None:
    """Write the new eps where the settings held the old one: some code reads it there."""
    before = {norm.eps for norm in norms if not norm.inert}
    for some in {id(c): c for c in (config, config.get_text_config())}.values():
        for name, value in list(vars(some).items()):
            if "eps" in name and isinstance(value, float) and value in before:
                setattr(some, name, EPS)
