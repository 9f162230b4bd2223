"""Everything that can be asked of the compute thread, and the plain answers it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from desktop_app.contract.params import Frozen, Params
    from desktop_app.contract.result import ModelInfo

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Offload = Literal["none", "auto", "disk"]
Weights = Literal["raw", "processed"]
LayerNorm = Literal["keep", "eps", "identity", "constant"]


@dataclass(frozen=True)
class ModelSpec:
    """Which model to load, and how.

    Attributes:
        model: A catalogue name (`smollm2`, `toy`), a Hub id, a folder or a `.gguf` file.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        offline: Whether the network must stay untouched.
        layernorm: Whether its norms stay, or what stands in their place (`engine.norms`).
    """

    model: str
    device: str = "auto"
    dtype: Dtype = "auto"
    offload: Offload = "none"
    weights: Weights = "raw"
    offline: bool = True
    layernorm: LayerNorm = "keep"


@dataclass(frozen=True)
class Parity:
    """How closely the hooked model follows plain Hugging Face, measured on a few tokens.

    Attributes:
        max_logprob_difference: Largest difference of log-probabilities.
        left_padding_difference: The same, a left-padded prompt against itself alone.
        single_pad_difference: The same with one pad token.
        tolerance: What counts as equal for this dtype.
        ok: Whether all of them are below the tolerance.
    """

    max_logprob_difference: float
    left_padding_difference: float | None
    single_pad_difference: float | None
    tolerance: float
    ok: bool

    def failed(self) -> tuple[tuple[str, float], ...]:
        """Return what differs by more than the tolerance, in words, and by how much."""
        measured = (
            ("differs from plain Hugging Face", self.max_logprob_difference),
            ("left-padded differs from itself alone", self.left_padding_difference),
            ("with a single pad token differs from itself alone", self.single_pad_difference),
        )
        return tuple(
            (words, value)
            for words, value in measured
            if value is not None and not value < self.tolerance
        )


@dataclass(frozen=True)
class LoadModel:
    """Load a model; the old one stays until the new one is ready. Answer: `ModelReady`."""

    spec: ModelSpec


@dataclass(frozen=True)
class ModelReady:
    """A model that has been loaded.

    Attributes:
        layernorm_moved: By how much its logits moved at most when its norms were taken away; None
            where they are kept, not-a-number where it gives no numbers any more.
        layernorm_said: The same in words, and what it means.
    """

    spec: ModelSpec
    info: ModelInfo
    parity: Parity
    memory_bytes: int
    seconds: float
    bos_token: str | None
    chat_template: bool
    layernorm_moved: float | None = None
    layernorm_said: str = ""


@dataclass(frozen=True)
class RunAnalysis:
    """Run one analysis on the loaded model. Answer: a `Result`.

    Attributes:
        budget_bytes: Memory that a sweep's rows may take; None: a share of what is free. It
            changes how long a run takes and no number.
        stored_bytes: What a result may keep of large patterns; None: as usual.
        must_fit: Whether a result that would keep more is refused, rather than kept in small.
    """

    analysis: str
    params: Params
    budget_bytes: int | None = None
    stored_bytes: int | None = None
    must_fit: bool = False


@dataclass(frozen=True)
class EstimateRun:
    """Ask what a run would take. Answer: `RunEstimate`."""

    run: RunAnalysis


@dataclass(frozen=True)
class RunEstimate:
    """What a run would take.

    Attributes:
        memory_bytes: At its peak; None where it sweeps nothing.
        stored_bytes: What the whole result would keep; None where it is small.
        limit_bytes: What a result may keep; beyond it, it is kept in small.
    """

    memory_bytes: int | None
    stored_bytes: int | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True)
class ListModels:
    """List the models at hand. Answer: a tuple of `ModelRow`.

    Attributes:
        recent: Folders and `.gguf` files opened before, which are listed too.
        suggested: Whether known models that are not here are listed, for their size.
    """

    recent: tuple[str, ...] = ()
    suggested: bool = False


@dataclass(frozen=True)
class ModelRow:
    """One model of the list.

    Attributes:
        bytes_needed: Memory for weights per dtype name.
        source: `catalogue`, `hub cache`, `recent` or `suggested`.
    """

    name: str
    title: str
    path: str | None
    installed: bool
    parameters: int | None
    bytes_needed: dict[str, int]
    source: str
    note: str = ""


@dataclass(frozen=True)
class EstimateMemory:
    """Ask what a model needs before it is loaded. Answer: `MemoryEstimate`."""

    spec: ModelSpec


@dataclass(frozen=True)
class DeviceMemory:
    """Memory of one device, in bytes."""

    device: str
    name: str
    total: int
    free: int


@dataclass(frozen=True)
class MemoryEstimate:
    """What loading needs against what there is.

    Attributes:
        bytes_needed: Weights and working space per dtype name.
        fits: Whether it fits, per device and dtype name.
        sentence: The same in words.
    """

    parameters: int
    bytes_needed: dict[str, int]
    devices: tuple[DeviceMemory, ...]
    fits: dict[str, dict[str, bool]]
    sentence: str


@dataclass(frozen=True)
class FetchPack:
    """Fetch a model pack of the catalogue over the network. Answer: its folder as text."""

    name: str


@dataclass(frozen=True)
class MakePrompts:
    """Make a family's prompts by the loaded model's tokenizer, if there is one. Answer: `Made`.

    Attributes:
        family: Its name.
        form: What is asked, an instance of the family's form.
        bos: Whether a BOS token goes first, as the prompts will be run.
    """

    family: str
    form: Frozen
    bos: Literal["auto", "yes", "no"] = "auto"


Request = (
    LoadModel | RunAnalysis | EstimateRun | ListModels | EstimateMemory | FetchPack | MakePrompts
)
