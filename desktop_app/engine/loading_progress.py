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
def weights_progress(report: Reporter, *, is_gguf: bool) -> Iterator[set[str]]:
    """Let the library's loading bars report and cancel.

    Gives a set that will hold the names of the tensors of a GGUF file that the library has a place
    for: it drops the others without a word.
    """
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    start = _UNPACKED if is_gguf else _START

    def hook(_factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        items = args[0] if args else kwargs.get("iterable")
        return _Counted(items or (), report, (start, _END))

    def unpacking(items: Iterable[Any], **_words: Any) -> _Counted:
        return _Counted(items, report, (_START, _UNPACKED))

    mapped: set[str] = set()
    mapping = gguf.get_gguf_hf_weights_map

    def kept_mapping(*arguments: Any, **words: Any) -> dict[str, str]:
        report.check()  # it calls itself for every module, slowly
        found: dict[str, str] = mapping(*arguments, **words)
        mapped.update(found)
        return found

    # That module takes tqdm's own bar, which has no hook.
    replaced = {"tqdm": unpacking, "get_gguf_hf_weights_map": kept_mapping}
    own = {name: vars(gguf)[name] for name in replaced}
    before = logging.set_tqdm_hook(hook)
    vars(gguf).update(replaced)
    try:
        yield mapped
    finally:
        vars(gguf).update(own)
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
