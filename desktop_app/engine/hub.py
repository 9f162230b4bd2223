"""Downloading a Hub model when, and only when, the user has asked for the network."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import ModelLoadError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.report import Reporter

_PATTERNS = [
    "*.safetensors",
    "*.json",
    "tokenizer*",
    "*.model",
    "*.tiktoken",
    "vocab.txt",
    "merges.txt",
    "*.jinja",
]


def stay_offline() -> None:
    """Tell the Hugging Face libraries, before they are imported, to open no socket."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def download(name: str, report: Reporter) -> None:
    """Fetch a model's config, tokenizer and safetensors into the local Hub cache.

    Raises:
        ModelLoadError: It is not there, or the network is not.
    """
    from huggingface_hub import snapshot_download

    report.step(0.0, f"Downloading {name}")
    with _online():
        try:
            snapshot_download(name, allow_patterns=_PATTERNS, tqdm_class=_progress_bar(report))
        except Exception as error:  # noqa: BLE001 - the library raises many kinds
            raise ModelLoadError(
                f"“{name}” could not be downloaded ({first_line(error, 200)}): check its spelling "
                "and the network, or open a local folder."
            ) from None


@contextmanager
def _online() -> Iterator[None]:
    """Lift the library's own offline switch for the duration of one download."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _progress_bar(report: Reporter) -> type:
    """Return a progress-bar class that speaks to the reporter; each update may cancel."""
    from tqdm.auto import tqdm

    class ReportingBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            kwargs["disable"] = True
            super().__init__(*args, **kwargs)
            self._seen = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            self._seen += n or 0
            if self.total:
                report.step(min(1.0, self._seen / self.total), str(self.desc or "Downloading"))
            else:
                report.check()
            return None

    return ReportingBar
