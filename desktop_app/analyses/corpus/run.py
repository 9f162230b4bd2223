"""Heads over text: the patterns of all windows, measured as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.corpus.drawn import rooms
from desktop_app.analyses.corpus.reading import Heads, pass_bytes, windows_per_pass
from desktop_app.analyses.corpus.spec import ANALYSIS, CorpusParams, stored_bytes
from desktop_app.analyses.corpus.sums import MEASURES
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.memory import text_bytes, used_bytes
from desktop_app.engine.sites import require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, not_finite
from desktop_app.methods.text_windows import TextWindows, sha256_of
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_SEARCHED_WINDOWS = 4


def run(model: LoadedModel, params: CorpusParams, report: Reporter) -> Result:
    """Measure every head on the windows of a text; stopped, on the windows so far.

    Returns:
        Measures `[L, H]`, means over the queries of all windows but each one's first position;
        `top` and `deciles` `[L, H, 10, 4]`, places as (window, q, k, weight), with the attention
        rows of their queries; the tokens attended to; and the windows' own tokens.
    """
    clock = Clock(model)
    require_shown(model, range(model.info.n_layers), "pattern", "choose another model")
    windows = TextWindows(model, params, params.text, params.window, params.tokens, "--text")
    room = stored_bytes(params, model.info, ())
    keeps_rows = room <= model.storage.limit_bytes
    if not keeps_rows and model.storage.must_fit:
        raise BadInputError(f"{_too_large(model, room)}: choose a shorter --window.")
    report.stores(room, model.storage.limit_bytes)
    report.needs(used_bytes(model.device) + _needs(model, params, room))
    heads = Heads(model, params.window, params.seed)
    with no_hooks_left(model):
        missing = _read(heads, windows, report)
    stopped.tell_end(report)
    data: dict[str, Any] = {
        **heads.measures(),
        **_places(heads, keeps_rows=keeps_rows),
        **_texts(model, heads, windows),
    }
    # Of a stopped run the text has gone further than the passes.
    notices = [*(missing or windows.notices()), *_no_repeats(data)]
    if not keeps_rows:
        message = (
            f"{_too_large(model, room)}: the result keeps which places they are, without the rows "
            "of attention there; choose a shorter --window for these."
        )
        notices.append(Notice("rows_not_stored", message))
    notices += _lost(model, data)
    return finish(model, ANALYSIS, params, (), (data, notices), clock)


def _read(heads: Heads, windows: TextWindows, report: Reporter) -> tuple[Notice, ...]:
    """Read all windows; return what is missing where that was stopped.

    Raises:
        Cancelled: Before the first one was whole, or nobody wants what there is.
    """
    try:
        heads.read(windows, report)
    except Cancelled:
        there = len(heads.file)
        if not there or not report.keeps_partial:
            raise
        message = (
            f"Stopped behind {plural(there, 'window')} of at most {windows.most:,}: every number "
            "is over these. Run again for the rest."
        )
        return (Notice(PARTIAL, message),)
    return ()


def _needs(model: LoadedModel, params: CorpusParams, room: int) -> int:
    """Return the bytes that a pass takes, and what is kept while they go on."""
    each = text_bytes(model, params.window, 1) + pass_bytes(model, params.window)
    heads = model.info.n_layers * model.info.n_heads
    weights, rows = rooms(model.info.n_layers, model.info.n_heads, params.window)
    tokens = min(params.tokens, model.info.d_vocab)
    kept = heads * (4 * weights + 4 * rows * params.window + 8 * tokens) + 2 * room
    return windows_per_pass(model, params.window) * each + kept


def _too_large(model: LoadedModel, room: int) -> str:
    most = human_bytes(model.storage.limit_bytes)
    return f"The attention at the places takes {human_bytes(room)} and at most {most} are stored"


def _places(heads: Heads, *, keeps_rows: bool) -> dict[str, Any]:
    """Return the places, and where they are kept the rows of attention there."""
    tenths = heads.draws.tenths()
    attended, shares = heads.attended.most()
    found = {
        "top": heads.best.places,
        "deciles": tenths.places,
        "decile_edges": tenths.edges,
        "attended": attended,
        "attended_weight": shares,
    }
    if keeps_rows:
        found |= {"top_row": heads.best.rows, "decile_row": tenths.rows}
    return found


def _texts(model: LoadedModel, heads: Heads, windows: TextWindows) -> dict[str, Any]:
    """Return the windows, and how their tokens read: no tokenizer is needed then."""
    ids = np.concatenate(heads.ids)
    occurring = np.unique(ids)
    described = [model.tokenizer.describe(int(token)) for token in occurring]
    return {
        "ids": ids,
        "window_file": np.array(heads.file, dtype=np.int32),
        "window_start": np.array(heads.start, dtype=np.int64),
        "files": windows.files,
        "token_ids": occurring,
        "token_texts": tuple(text for _piece, text in described),
        "token_pieces": tuple(piece for piece, _text in described),
        "lead": np.array(windows.lead, dtype=np.int64),
        "windows": len(ids),
        "tokens_read": len(ids) * windows.size,
        "corpus": windows.corpus,
        "corpus_sha256": sha256_of(ids[:, len(windows.lead) :].tolist()),
    }


def _no_repeats(data: dict[str, Any]) -> list[Notice]:
    if data["n"]["duplicate"]:
        return []
    message = (
        "No token occurs twice in a window, so duplicates and induction have no number: choose a "
        "longer --window, or another text."
    )
    return [Notice("no_repeats", message)]


def _lost(model: LoadedModel, data: dict[str, Any]) -> list[Notice]:
    """Return the warning for measures that are not finite though there was something to measure."""
    bad = [n for n in MEASURES if data["n"][n] and not np.isfinite(data[n]).all()]
    if not bad:
        return []
    return [not_finite(", ".join(bad), model, data["ids"][:_SEARCHED_WINDOWS].tolist())]
