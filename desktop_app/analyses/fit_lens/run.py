"""Fitting a Jacobian lens: a job of many backward passes, whose end is a file for the lens."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from typing_extensions import override

from desktop_app.analyses.fit_lens.estimator import Fit, Matrices, require_fit
from desktop_app.analyses.fit_lens.spec import ANALYSIS, FitLensParams
from desktop_app.analyses.fit_lens.windows import Windows, read_windows
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.memory import row_bytes, used_bytes
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.lens_files import save_lens
from desktop_app.support import lens_files, paths
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.files import try_out
from desktop_app.support.installed import package_version

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_NAME = re.compile(r"[^\w.-]+", re.ASCII)
_PACKAGES = ("lensbench", "transformer-lens", "torch")


def run(model: LoadedModel, params: FitLensParams, report: Reporter) -> Result:
    """Fit the lens window by window and write it; stopped, it is written of the windows so far.

    Returns:
        Per layer (what stands behind block l) the matrix' `size`, its distance `from_identity`,
        and the `agreement` of both halves of the windows; and where the file lies.
    """
    clock = Clock(model)
    require_fit(model)
    windows = read_windows(model, params)
    target = _target(model, params)
    fit = Fit(model, params)
    longest = max(map(len, windows.ids))
    each = row_bytes(model, longest, longest, read_all=True) * (model.info.n_layers + 1)
    report.needs(used_bytes(model.device) + each * min(params.dim_batch, model.info.d_model))
    started = time.perf_counter()
    missing = _fit_all(fit, windows, report)
    seconds = (time.perf_counter() - started) / fit.windows
    matrices = fit.matrices()
    if not all(bool(torch.isfinite(matrix).all()) for matrix in matrices.values()):
        raise BadInputError(
            f"The lens of {model.info.name} comes out as numbers that are not finite, and is not "
            "written: look into the model's files, or give another text."
        )
    if not params.out_lens:  # another fit may have taken the name meanwhile
        target = _target(model, params)
    save_lens(target, _tensors(matrices), _facts(model, params, windows, fit.windows))
    stopped.tell_end(report)
    data = {
        **_measures(matrices),
        "agreement": np.array(fit.agreement()),
        "layers": np.array(sorted(matrices)),
        "windows": fit.windows,
        "tokens_read": sum(map(len, windows.ids[: fit.windows])),
        "seconds_each": seconds,
        "lead": np.array(windows.lead, dtype=np.int64),
        "corpus": windows.corpus,
        "corpus_sha256": windows.sha256(fit.windows),
        "file": params.out_lens or target.name,
    }
    notices = [*missing, *_short(params, windows)]
    return finish(model, ANALYSIS, params, (), (data, notices), clock)


def _fit_all(fit: Fit, windows: Windows, report: Reporter) -> list[Notice]:
    """Take all windows in; return what is missing where it was stopped.

    Raises:
        Cancelled: Before the first one was whole, or nobody wants what there is.
    """
    count = len(windows.ids)
    for number, ids in enumerate(windows.ids):
        share = _Named(report, number, count)
        try:
            fit.add(ids, share)
        except Cancelled:
            if not fit.windows:
                raise
            told = stopped.before(f"window {number + 1} of {count}", report)
            said = f"{told[0].message} The lens is fitted on {fit.windows} of {count} windows."
            return [Notice(PARTIAL, said)]
    return []


class _Named(ShareReporter):
    """Says at each pass which window is read."""

    def __init__(self, inner: Reporter, number: int, count: int) -> None:
        super().__init__(inner, number / count, 1 / count)
        self._words = f"window {number + 1} of {count}"

    @override
    def step(self, fraction: float, note: str = "") -> None:
        super().step(fraction, f"{self._words}, {note}")


def _target(model: LoadedModel, params: FitLensParams) -> Path:
    """Return where the lens goes, refused before it is computed where it cannot.

    Raises:
        BadInputError: No such file can be written there, or another file would be lost.
    """
    if params.out_lens:
        path = Path(os.path.expanduser(params.out_lens))
        if path.suffix.lower() != lens_files.ENDING:
            raise BadInputError(
                f"--out-lens “{params.out_lens}” must end in {lens_files.ENDING}: rename it."
            )
    else:
        name = _NAME.sub("-", model.info.name)[:60]
        variant = "" if model.info.layernorm == "keep" else f"-{model.info.layernorm}"
        own = f"{name}-{model.info.fingerprint[:8]}{variant}-{params.kind}"
        folder, number = paths.ensure(lens_files.folder()), 1
        path = folder / f"{own}{lens_files.ENDING}"
        while path.exists():  # an earlier fit stays
            number += 1
            path = folder / f"{own}-{number}{lens_files.ENDING}"
    if path.exists() and path.is_file():
        _refuse_other(model, params, path)
    try_out(path)
    return path


def _refuse_other(model: LoadedModel, params: FitLensParams, path: Path) -> None:
    told = f"--out-lens “{params.out_lens or path.name}”"
    instead = "choose another name, or remove it"
    try:
        head = lens_files.read_head(path)
    except BadInputError:
        raise BadInputError(f"{told} is there already and is no lens: {instead}.") from None
    same = lens_files.same_weights(head.fact("fingerprint"), model.info.fingerprint)
    same = same and head.fact("kind") == params.kind
    settings = {name: getattr(model.info, name) for name in ("layernorm", "weights")}
    if not same or any(head.fact(name) not in {"", own} for name, own in settings.items()):
        whose = head.fact("model")[:80] or "another model"
        if head.fact("layernorm") not in {"", "keep"}:
            whose += f" with --layernorm {head.fact('layernorm')[:20]}"
        raise BadInputError(f"{told} is there already and is a lens of {whose}: {instead}.")


def _tensors(matrices: Matrices) -> dict[str, torch.Tensor]:
    return {f"{layer}.weight": matrix for layer, matrix in matrices.items()}


def _facts(
    model: LoadedModel, params: FitLensParams, windows: Windows, count: int
) -> dict[str, str]:
    """Return what the file says of itself."""
    info = model.info
    facts: dict[str, Any] = {
        "kind": params.kind,
        "model": info.name,
        "fingerprint": info.fingerprint,
        "weights": info.weights,
        "layernorm": info.layernorm,
        "fit_dtype": info.dtype,
        "d_model": info.d_model,
        "n_layers": info.n_layers,
        "hook_convention": "blocks.{layer}.hook_out",
        "target_layer": info.n_layers - 1,
        "corpus": windows.corpus,
        "corpus_sha256": windows.sha256(count),
        "windows": count,
        "tokens_read": sum(map(len, windows.ids[:count])),
        "max_seq_len": params.max_seq_len,
        "skip_first_positions": params.skip_first_positions,
        "dim_batch": params.dim_batch,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name.replace("-", "_"): package_version(name) for name in _PACKAGES},
    }
    return {name: str(value) for name, value in facts.items()}


def _measures(matrices: Matrices) -> dict[str, np.ndarray]:
    sizes, distances = [], []
    for _layer, matrix in sorted(matrices.items()):
        width = len(matrix)
        sizes.append(float(matrix.norm()) / width**0.5)
        distances.append(float((matrix - torch.eye(width)).norm()) / width**0.5)
    return {"size": np.array(sizes), "from_identity": np.array(distances)}


def _short(params: FitLensParams, windows: Windows) -> list[Notice]:
    """Return the warning where the text holds fewer windows than were asked for."""
    count, wanted = len(windows.ids), params.windows
    if count >= wanted:
        return []
    message = (
        f"The text holds {count} of {wanted} windows of {params.max_seq_len} tokens: the lens is "
        "fitted on these; give a longer text for more."
    )
    return [Notice("text_short", message)]
