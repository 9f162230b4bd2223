"""Texts that grow token by token: passes on kept keys and values, or whole ones, under changes.

A pass is one *step*: step 0 reads the prompt, each later one the token before it, on the keys and
values that the steps before have left (or, without them, the whole text so far once more). What a
step's hooks see is therefore the prompt at step 0, and a single new position from then on; a change
made at an earlier step lives on in the keys and values that it led to.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache

from desktop_app.engine.bare import bare, is_harmless, require_open
from desktop_app.engine.interventions import make_editor
from desktop_app.engine.model import READ_HOOK, FastProducts, site_hook
from desktop_app.engine.padding import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from desktop_app.engine.interventions import Edit, Members
    from desktop_app.engine.model import HookFn, LoadedModel
    from desktop_app.engine.padding import Padding

_LARGE = 64  # tokens: worth the faster products, and being asked whether to go on


@contextmanager
def decoding(model: LoadedModel, layers: Collection[int]) -> Iterator[None]:
    """Within it texts grow at the model's own speed; all its decoders change these layers alone."""
    with torch.no_grad(), bare(model, layers):
        yield


@dataclass(frozen=True)
class Pass:
    """What one step's hooks see.

    Attributes:
        step: Its number; 0 reads the prompt.
        rows: Which texts are in it, numbered as whoever planned the changes does.
        held: Row by row the absolute positions in it, of that row's own tokens.
        layout: Where they stand among the columns.
    """

    step: int
    rows: tuple[int, ...]
    held: tuple[range, ...]
    layout: Layout

    @property
    def columns(self) -> range:
        """The columns of the pass among those of all tokens so far, padding included."""
        return self.layout.columns(self.step)

    def column(self, index: int, position: int) -> int:
        """Return where a position of the pass's row stands in what its hooks are given."""
        return self.layout.column(index, position) - self.columns.start


@dataclass(frozen=True)
class Changes:
    """What is done to texts, and who looks on.

    Attributes:
        planned: The changes of a row at a step, from row, step and the positions that its pass
            holds; None: none.
        wrap: Put around the hook of a changed place: layer, site, hook and pass to hook.
        watch: Further hooks of a pass, called behind the changes.
    """

    planned: Callable[[int, int, range], Sequence[Edit]] | None = None
    wrap: Callable[[tuple[int, str], HookFn, Pass], HookFn] | None = None
    watch: Callable[[Pass], Sequence[tuple[str, HookFn]]] | None = None


class Decoder:
    """Some texts, one step at a time.

    Runs that are compared must be of the same shape and within one `decoding`: their unchanged
    values are then equal bit for bit.

    Args:
        model: The model.
        texts: Their tokens so far; of one length, unless they are padded.
        changes: What is done to them.
        cached: Whether keys and values are kept between steps.
        padding: At which side shorter texts are filled up.
        rows: The texts' numbers, as `changes` knows them; counted from 0 without.

    Attributes:
        step: The number of the next step.
    """

    def __init__(
        self,
        model: LoadedModel,
        texts: Sequence[Sequence[int]],
        changes: Changes | None = None,
        *,
        cached: bool = True,
        padding: Padding = "none",
        rows: Sequence[int] | None = None,
    ) -> None:
        self.step = 0
        self._model = model
        self._changes = changes or Changes()
        self._cache = DynamicCache() if cached else None
        self._rows = tuple(range(len(texts)) if rows is None else rows)
        self._layout = Layout(tuple(len(text) for text in texts), padding, cached=cached)
        self._columns = model.ids(self._layout.filled(texts))

    @property
    def coming(self) -> Pass:
        """What the next step's hooks will see."""
        return Pass(self.step, self._rows, self._layout.held(self.step), self._layout)

    def advance(self, check: Callable[[], None] | None = None) -> torch.Tensor:
        """Make the next step and return its next-token logits `[rows, d_vocab]`, float32.

        Args:
            check: Asked before every layer of a large pass; what it raises ends the pass, and with
                it the use of this decoder.
        """
        needed = self._layout.needed(self.step)
        with checking(self._model, check if self._is_large else None):
            logits = self.read(needed)
        return self._layout.last(logits, self.step - 1).float()

    def read(self, keep: int) -> torch.Tensor:
        """Make the next step and return the logits of the last columns `[rows, keep, d_vocab]`.

        With `cached=False` and a whole text this is a single full pass.

        Raises:
            ValueError: Nothing is to be kept.
        """
        if keep < 1:
            raise ValueError("a pass is read at one column or more")
        this = self.coming
        hooks = list(self._hooks(this))
        ids = self._columns[:, this.columns.start :]
        told = self._layout.told(this.columns, ids.device)
        logits = forward(self._model, ids, hooks, self._cache, told, keep)
        self.step += 1
        return logits

    @property
    def _is_large(self) -> bool:
        return len(self.coming.columns) * len(self._rows) >= _LARGE

    def take(self, tokens: torch.Tensor) -> None:
        """Put each row's next token `[rows]` behind it."""
        self._columns = torch.cat([self._columns, tokens.to(self._columns)[:, None]], dim=1)

    def _hooks(self, this: Pass) -> Iterator[tuple[str, HookFn]]:
        planned, wrap = self._changes.planned, self._changes.wrap
        places: dict[tuple[int, Any], Members] = {}
        if planned is not None:
            for index, (row, held) in enumerate(zip(this.rows, this.held, strict=True)):
                for edit in planned(row, this.step, held):
                    places.setdefault((edit.layer, edit.site), []).append((index, edit))
        for place, members in places.items():
            editor = make_editor(*self._layout.placed(members, this.step))
            if editor is not None:
                hook = editor if wrap is None else wrap(place, editor, this)
                yield site_hook(*place), hook
        if self._changes.watch is not None:
            yield from self._changes.watch(this)


def forward(
    model: LoadedModel,
    ids: torch.Tensor,
    hooks: Sequence[tuple[str, HookFn]] = (),
    cache: Any = None,
    told: Mapping[str, Any] | None = None,
    keep: int = 1,
) -> torch.Tensor:
    """Return the logits of the last positions of a pass `[rows, keep, d_vocab]`.

    Within `decoding` it goes past TransformerLens, whose modules are out of the way.

    Args:
        model: The model.
        ids: What the pass reads `[rows, position]`.
        hooks: Names and functions, in their order.
        cache: Keys and values so far, which it lengthens.
        told: What the model must be told of padding; it is told what it takes.
        keep: Of how many last positions the logits are wanted.
    """
    original = model.bridge.original_model
    known = inspect.signature(original.forward).parameters
    kwargs = {name: value for name, value in (told or {}).items() if name in known}
    if not is_harmless(model):
        # The rest of the logits are not even made.
        last = (READ_HOOK, lambda x, hook: x[:, -keep:])
        return model.run(ids, [*hooks, last], cache=cache, **kwargs)[:, -keep:]
    require_open(model, [name for name, _hook in hooks])
    model.forward_passes += 1
    kwargs["use_cache"] = cache is not None
    if cache is not None:
        kwargs["past_key_values"] = cache
    if "logits_to_keep" in known:
        kwargs["logits_to_keep"] = keep
    points = [(model.bridge.hook_dict[name], hook) for name, hook in hooks]
    try:
        for point, hook in points:
            point.add_hook(hook)
        with FastProducts() if ids.numel() >= _LARGE else nullcontext():
            logits: torch.Tensor = original(ids.to(model.device), **kwargs).logits
    finally:
        for point, _hook in points:
            point.remove_hooks("fwd")
    return logits[:, -keep:]


@contextmanager
def checking(model: LoadedModel, check: Callable[[], None] | None) -> Iterator[None]:
    """Ask before every layer of the passes within it; what is raised there ends the pass."""
    if check is None:
        yield
        return

    def ask(_module: object, _args: object) -> None:
        check()

    blocks = [getattr(one, "original_component", None) or one for one in model.bridge.blocks]
    handles = [block.register_forward_pre_hook(ask) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
