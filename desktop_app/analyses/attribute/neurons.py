"""The neurons of MLPs: what each puts into its output projection, and what it writes along a way.

Of experts, the neurons of those that the token goes to: their activations are computed once more
from what the experts are given in the run, each times its expert's weight. They are numbered expert
by expert, those of experts that are always asked last. Whoever asks holds what all of them make
together to what the MLP added.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.projections import projection
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from desktop_app.engine.model import LoadedModel

Listed = tuple[torch.Tensor, torch.Tensor]
"""The numbers of neurons `[N, K]`, and what each contributes."""

_EXPERTS = ("gate_up_proj", "down_proj", "_apply_gate")
# Whose neurons there are: of the one MLP, and of experts that every token goes to.
_ALWAYS = ("shared_experts", "shared_expert")


@dataclass(frozen=True)
class Made:
    """What an MLP's neurons make of it in a run.

    Attributes:
        whole: What they give together, biases and all, `[N, d_model]`.
        share: From a direction `[N, d_model]` there to what each contributes.
    """

    whole: torch.Tensor
    share: Callable[[torch.Tensor], Listed]


class Neurons:
    """Reads the neurons of the first layers' MLPs at one position of each prompt.

    Args:
        model: The model.
        layers: How many layers.

    Raises:
        BadInputError: An MLP is none whose neurons can be told; it names the layer.
    """

    def __init__(self, model: LoadedModel, layers: int) -> None:
        self._model = model
        self._outs = {layer: dict(_outs(model, layer)) for layer in range(layers)}
        self._experts: dict[int, Any] = {}
        self._hidden: dict[int, Any] = {}  # output projections that the bridge does not show
        self._seen: dict[Any, tuple[torch.Tensor, ...]] = {}  # by module
        for layer, outs in self._outs.items():
            experts, inner = _experts(model, layer), _inner(model, layer)
            if experts is not None:
                self._experts[layer] = experts
                inner = next(filter(None, (getattr(inner, name, None) for name in _ALWAYS)), None)
            if outs or (experts is not None and inner is None):
                continue
            alone = _hidden_projection(model, inner)
            if alone is None:
                raise no_neurons(model, layer)
            self._hidden[layer] = alone

    @property
    def names(self) -> tuple[str, ...]:
        """The hooks that must be seen."""
        outs = [name for outs in self._outs.values() for name in outs]
        both = [n for n in self._experts if self._outs[n] or n in self._hidden]
        return (*outs, *(f"blocks.{layer}.mlp.hook_out" for layer in both))

    @contextmanager
    def watching(self, read: Sequence[int], length: int) -> Iterator[None]:
        """Keep what experts are given in a pass: stream, which, weights; and hidden projections."""
        tokens = torch.tensor([row * length + at for row, at in enumerate(read)])

        def keep(module: Any, given: Any, named: Mapping[str, Any]) -> None:
            flat = [part.reshape(-1, part.shape[-1]) for part in (*given, *named.values())]
            self._seen[module] = tuple(part[tokens.to(part.device)].detach() for part in flat[:3])

        with ExitStack() as stack:
            for module in (*self._experts.values(), *self._hidden.values()):
                handle = module.register_forward_pre_hook(keep, with_kwargs=True)
                stack.callback(handle.remove)
            yield

    def of(self, layer: int, seen: Mapping[str, torch.Tensor]) -> Made:
        """Return what a layer's neurons make, of what was seen of hooks at the read position."""
        read = self._read(layer, seen)
        if layer not in self._experts:
            ((module, given),) = read
            return self._of_one(module, given)
        made = self._of_experts(layer)
        for module, given in read:
            rest = seen[f"blocks.{layer}.mlp.hook_out"].float() - made.whole
            end = self._experts[layer].down_proj.shape[0] * self._width(layer)
            made = _together(made, self._of_one(module, given, end), rest)
        return made

    def _read(self, layer: int, seen: Mapping[str, torch.Tensor]) -> list[tuple[Any, torch.Tensor]]:
        """Return a layer's output projections, and what they read: not those of experts."""
        alone = self._hidden.get(layer)
        if alone is not None:
            return [(alone, self._seen[alone][0].float())]
        return [(module, seen[name].float()) for name, module in self._outs[layer].items()]

    def _of_one(self, module: Any, given: torch.Tensor, first: int = 0) -> Made:
        """Return what the neurons before one projection make, numbered from `first` on."""
        project = projection(self._model, module, given.shape[1])
        numbers = first + torch.arange(given.shape[1]).expand(given.shape)
        return Made(project.of(given), lambda direction: (numbers, given * project.back(direction)))

    def _of_experts(self, layer: int) -> Made:
        """Return what the neurons of the experts make that each prompt's token goes to."""
        module = self._experts[layer]
        hidden, index, weights = self._seen[module]
        places = [(row, n) for row, chosen in enumerate(index.tolist()) for n in chosen]
        given, whole = [], torch.zeros_like(hidden, dtype=torch.float32)
        for (row, expert), weight in zip(places, weights.flatten().float(), strict=True):
            into = hidden[row].float() @ _matrix(module, "gate_up_proj", expert)
            into = into + _bias(module, "gate_up_proj", expert)
            own = weight * module._apply_gate(into[None])[0]  # noqa: SLF001 - the library's name
            whole[row] += own @ _matrix(module, "down_proj", expert)
            whole[row] += weight * _bias(module, "down_proj", expert)
            given.append(own)
        width = self._width(layer)
        numbers = torch.stack([expert * width + torch.arange(width) for _row, expert in places])

        def share(direction: torch.Tensor) -> Listed:
            found = [
                own * (_matrix(module, "down_proj", expert) @ direction[row].float())
                for own, (row, expert) in zip(given, places, strict=True)
            ]
            return numbers.view(len(index), -1), torch.stack(found).view(len(index), -1)

        return Made(whole, share)

    def _width(self, layer: int) -> int:
        """Return how many neurons an expert has."""
        return len(_matrix(self._experts[layer], "down_proj", 0))


def _matrix(module: Any, name: str, expert: int) -> torch.Tensor:
    """Return a matrix of an expert that is multiplied from the left, float32."""
    found: torch.Tensor = getattr(module, name)[expert].detach().float()
    return found if module.is_transposed else found.T


def _bias(module: Any, name: str, expert: int) -> torch.Tensor | float:
    if not module.has_bias:
        return 0.0
    found: torch.Tensor = getattr(module, f"{name}_bias")[expert].detach().float()
    return found


def _together(experts: Made, beside: Made, rest: torch.Tensor) -> Made:
    """Return experts with the one beside them, which may have a factor of its own.

    Args:
        experts: The experts.
        beside: The one beside them.
        rest: What the MLP gives beyond the experts, `[N, d_model]`.
    """
    length = (beside.whole * beside.whole).sum(-1, keepdim=True).clamp_min(1e-30)
    factor = (beside.whole * rest).sum(-1, keepdim=True) / length

    def share(direction: torch.Tensor) -> Listed:
        numbers, values = zip(experts.share(direction), beside.share(direction), strict=True)
        return torch.cat(numbers, dim=1), torch.cat([values[0], factor * values[1]], dim=1)

    return Made(experts.whole + factor * beside.whole, share)


def _outs(model: LoadedModel, layer: int) -> Iterator[tuple[str, Any]]:
    """Yield the hooks of what output projections of an MLP read, and these."""
    mlp = getattr(model.bridge.blocks[layer], "mlp", None)
    for inner, path in ((mlp, "mlp"), *((getattr(mlp, n, None), f"mlp.{n}") for n in _ALWAYS)):
        name, out = f"blocks.{layer}.{path}.out.hook_in", getattr(inner, "out", None)
        if out is not None and model.has_hook(name):
            yield name, out


def _experts(model: LoadedModel, layer: int) -> Any | None:
    """Return the module of an MLP's experts, where it is one that is understood."""
    found: Any = getattr(_inner(model, layer), "experts", None)
    found = getattr(found, "original_component", None) or found
    if not all(hasattr(found, name) for name in _EXPERTS):
        return None
    if not found.has_gate or getattr(found, "has_post_expert_norm", False):
        return None
    return None if found.down_proj.device.type == "meta" else found


def _inner(model: LoadedModel, layer: int) -> Any | None:
    """Return the model's own module of an MLP."""
    return getattr(getattr(model.bridge.blocks[layer], "mlp", None), "original_component", None)


def _hidden_projection(model: LoadedModel, inner: Any) -> Any | None:
    """Return the one linear module of an MLP that gives what a stream is wide, if it is one."""
    parts = list(inner.children()) if isinstance(inner, torch.nn.Module) else []
    found = [part for part in parts if getattr(part, "out_features", 0) == model.info.d_model]
    return found[0] if len(found) == 1 else None


def no_neurons(model: LoadedModel, layer: int) -> BadInputError:
    """Return the refusal of an MLP whose neurons cannot be told."""
    return BadInputError(
        f"The MLP of layer {layer} of {model.info.name} has no output projection that makes what "
        "it adds, so that its neurons cannot be told: leave --neurons out."
    )
