"""Progress and Stop while transformers reads weights, tensor by tensor."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from desktop_app.contract.report import Reporter

_START, _END = 0.15, 0.75
# Of a GGUF file, most of the time goes into multiplying its numbers out.
_UNPACKED = 0.6


@contextmanager
def weights_progress(report: Reporter, *, is_gguf: bool) -> Iterator[None]:
    """Let the library's loading bars report and cancel."""
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    start = _UNPACKED if is_gguf else _START

    def hook(_factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        items = args[0] if args else kwargs.get("iterable")
        return _Counted(items or (), report, (start, _END))

    def unpacking(items: Iterable[Any], **_words: Any) -> _Counted:
        return _Counted(items, report, (_START, _UNPACKED))

    before, gguf_before = logging.set_tqdm_hook(hook), vars(gguf)["tqdm"]
    vars(gguf)["tqdm"] = unpacking  # that module takes tqdm's own bar, which has no hook
    try:
        yield
    finally:
        vars(gguf)["tqdm"] = gguf_before
        logging.set_tqdm_hook(before)


class _Counted:
    """Stands in for a progress bar: goes through the items and reports each."""

    def __init__(self, items: Iterable[Any], report: Reporter, part: tuple[float, float]) -> None:
        self._items = list(items)
        self._report = report
        self._start, self._end = part

    def __iter__(self) -> Iterator[Any]:
        total = max(1, len(self._items))
        for count, item in enumerate(self._items):
            done = self._start + (self._end - self._start) * count / total
            self._report.step(done, f"Weights: {count} of {total} tensors")
            yield item

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: None
