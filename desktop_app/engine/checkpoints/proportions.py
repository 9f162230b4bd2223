"""Whether a description is in proportion to the weights that it describes, and Stop while loading.

A config.json of a few bytes can ask for a model of any size, which is built before its weights are
looked at. So the layers are counted in the weight files first, and while the model is built, every
module, parameter and buffer is counted against what the files hold.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.nn.modules import module as torch_modules

from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.checkpoints.checkpoint import Checkpoint

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_BLOCK = re.compile(r"^(?P<list>.*?)\.(?P<index>\d{1,9})\.")
# A description may ask for more than the files hold (tied weights, shared layers): this much more.
_MORE, _MORE_LAYERS, _MORE_NUMBERS, _MORE_BYTES = 4, 16, 16_000_000, 1_000_000_000


def layers_stored(names: Iterator[str] | Mapping[str, Any]) -> int:
    """Return how many layers the tensors' names count: the longest numbered list of modules."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for name in names:
        match = _BLOCK.match(name)
        if match:
            found[match["list"]].add(int(match["index"]))
    return max((len(indices) for indices in found.values()), default=0)


def layers_said(checkpoint: Checkpoint) -> tuple[str, Any] | None:
    """Return what a model's description says of its layers: the setting's name and its value."""
    config = checkpoint.config
    if checkpoint.gguf:
        key = f"{config.get('general.architecture')}.block_count"
        return (key, config[key]) if key in config else None
    text = config.get("text_config")
    for settings in (config, text if isinstance(text, dict) else {}):
        for key in _LAYERS:
            if settings.get(key) is not None:
                return key, settings[key]
    return None


def refuse_absurd_layers(name: str, checkpoint: Checkpoint) -> None:
    """Refuse a description whose layers are no number, or far more than the files hold.

    Raises:
        ModelLoadError: The sentence names the setting and what the files hold.
    """
    said = layers_said(checkpoint)
    if said is None:
        if checkpoint.gguf:  # transformers would take a number of its own
            raise ModelLoadError(
                f"“{name}” cannot be loaded: its header does not say how many layers it has; fetch "
                "it again."
            )
        return
    key, value = said
    stored = layers_stored(checkpoint.tensors)
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if is_number and (not stored or value <= _MORE * stored + _MORE_LAYERS):
        return
    where = "its header" if checkpoint.gguf else "config.json"
    shown = f"{value:,}" if isinstance(value, int) else f"“{str(value)[:40]}”"
    raise ModelLoadError(
        f"“{name}” cannot be loaded: {where} says {key} {shown} and its files hold {stored} "
        "layers; correct it or fetch the model again."
    )


@contextmanager
def stoppable(report: Reporter) -> Iterator[None]:
    """Within it, whatever is built of modules or runs through them asks whether to go on.

    Raises:
        Cancelled: The user asked to stop.
    """

    def ask(_module: object, *_more: object) -> None:
        report.check()

    handles = [
        torch_modules.register_module_module_registration_hook(ask),
        torch_modules.register_module_forward_pre_hook(ask),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def in_proportion(checkpoint: Checkpoint) -> Iterator[None]:
    """Within it, a model that is built may ask for little more than its files hold.

    Raises:
        ModelLoadError: It asks for far more.
    """
    scale = _Scale(checkpoint)
    handles = [
        torch_modules.register_module_parameter_registration_hook(scale.parameter),
        torch_modules.register_module_buffer_registration_hook(scale.buffer),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Scale:
    """Counts what a model that is being built would take against what its files hold.

    transformers builds on the meta device, so that nothing is taken before it is counted.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        held = checkpoint.parameters
        size = sum(path.stat().st_size for path in checkpoint.files)
        # A pickle may hold numbers of a byte each.
        self._numbers = _MORE * (size if held is None else held) + _MORE_NUMBERS
        self._bytes = _MORE * size + _MORE_BYTES
        self._asked = self._buffers = 0

    def parameter(self, _module: object, name: str, value: torch.Tensor | None) -> None:
        if value is not None and value.device.type == "meta":
            self._asked += value.numel()
            self._refuse(self._asked, self._numbers, name, value)

    def buffer(self, _module: object, name: str, value: torch.Tensor | None) -> None:
        if value is not None and value.device.type == "meta":
            self._buffers += value.numel() * value.element_size()
            self._refuse(self._buffers, self._bytes, name, value)

    @staticmethod
    def _refuse(asked: int, most: int, name: str, value: torch.Tensor) -> None:
        if asked > most:
            shape = " × ".join(f"{size:,}" for size in value.shape)
            raise ModelLoadError(
                f"The model cannot be loaded: its settings ask for far more than its files hold "
                f"(“{name}” of {shape}); correct config.json or fetch the model again."
            )
