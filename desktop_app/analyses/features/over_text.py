"""Features over a text: all activations of all features, window by window, none of it twice.

Every window is read by itself, and its activations are computed by themselves, so that neither
another window nor how many share a pass changes them, beyond the rounding of the products: of which
library these are is tried out at each start, so that last digits may differ between two. The BOS
of a window counts nowhere: autoencoders are seldom shown it, and many features are largest there.

What was read is kept on disk while it is read and when it ends. The same text under the same
settings is then only compared, token by token, and read on where it is longer, was changed, or was
not read to its end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.features import from_embedding, spec
from desktop_app.analyses.features.examples import examples_of
from desktop_app.analyses.features.kept import Shelf
from desktop_app.analyses.features.sources import about
from desktop_app.analyses.features.tally import ALL, NONE, Active, Tally
from desktop_app.analyses.features.write_top import bytes_needed, words_of, write_top
from desktop_app.contract.report import CheckingReporter, ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import text_bytes, texts_per_pass, used_bytes
from desktop_app.engine.sites import report_hooks
from desktop_app.methods import stopped
from desktop_app.methods.autoencoders import inputs
from desktop_app.methods.text_windows import TextWindows
from desktop_app.methods.watching import in_batches
from desktop_app.pictures.words import plural
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.features.spec import FeaturesParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder
    from desktop_app.methods.text_windows import Window

KEEP_AFTER_S = 30.0
"""So many seconds of reading are lost at most where the program is killed."""
WRITING_SHARE = 0.05
"""Of the time that goes into keeping, at most."""
_FEWEST_TOKENS = 64  # in a pass
_ENCODED = 1 << 24  # activations that are computed at once
_ENTRY_BYTES = 40  # of an activation, while all of them are put in order
_READING_SHARE = 0.9  # of the progress


def over_text(
    model: LoadedModel, autoencoder: Autoencoder, params: FeaturesParams, report: Reporter
) -> tuple[dict[str, Any], list[Notice]]:
    """Read all features over the corpus.

    Args:
        model: The model.
        autoencoder: Its autoencoder.
        params: What to read, and how much of it.
        report: Told after every pass.

    Returns:
        The fields of a result that speak of the corpus, and what must be said of them. Examples and
        intervals are of the chosen feature, where one is.

    Raises:
        BadInputError: The text cannot be read.
        Cancelled: Before anything was known, or nobody wants what there is.
    """
    reading = _Reading(model, autoencoder, params)
    report.needs(memory_needed(model, autoencoder, params))
    notices = reading.read(ShareReporter(report, 0.0, _READING_SHARE))
    if not notices:
        notices = reading.name(ShareReporter(report, _READING_SHARE, 1 - _READING_SHARE))
    return reading.fields(), [*notices, *reading.notices()]


def memory_needed(model: LoadedModel, autoencoder: Autoencoder, params: FeaturesParams) -> int:
    """Return about how many bytes reading a text takes at its peak."""
    head, length = autoencoder.head, params.window
    texts = _texts_per_pass(model, length)
    encoded = 4 * 4 * min(_ENCODED, length * head.d_sae)
    each = min(head.k or spec.USUALLY_ACTIVE, head.d_sae)
    kept = _ENTRY_BYTES * min(spec.MOST_ENTRIES, params.tokens * each) + 4 * params.tokens
    within = texts * (text_bytes(model, length, 1) + 8 * length * head.d_in)
    told = from_embedding.bytes_needed(model, params.tokens) if params.feature >= 0 else 0
    most = max(within, encoded, bytes_needed(model, autoencoder)) + kept
    # What the embedding tells is looked at when all are in order.
    return used_bytes(model.device) + max(most, told + kept // 2)


class _Reading:
    """A text as it is read."""

    def __init__(
        self, model: LoadedModel, autoencoder: Autoencoder, params: FeaturesParams
    ) -> None:
        """Look at the text, and at what is known of it.

        Raises:
            BadInputError: There is no such text, or windows are longer than the model reads.
        """
        self._model, self._autoencoder, self._params = model, autoencoder, params
        self._at_once = self._limit = _texts_per_pass(model, params.window)
        self._begin()
        self._features = autoencoder.head.d_sae
        self._most = _most_entries(model, params, self._features)
        shape = (self._features, params.window, len(self._text.lead))
        self._shelf = Shelf(about(model, autoencoder, params, self._text), shape)
        recalled = None
        if params.fresh:
            self._shelf.disregard(params.feature)
        else:
            recalled = self._shelf.recall(params.feature, self._text.most)
        none_yet = np.zeros((self._features, 0), np.int32)
        known = recalled or (Tally(*shape[:2]), none_yet)
        self._tally: Tally = known[0]
        self._write_top: np.ndarray = known[1]
        self._changed_at = self._shorter = -1
        self._narrow()

    def read(self, report: Reporter) -> list[Notice]:
        """Read on; return what is missing where it was stopped.

        Raises:
            Cancelled: Before anything was known, or nobody wants what there is.
        """
        try:
            while not self._go_through(report):
                self._begin()
        except Cancelled:
            self._keep()
            if not self._matched or not self._tally.cut(self._matched):
                raise
            return [*stopped.before(self._place(self._matched) + " of the text", report)]
        except BaseException:
            self._keep()
            raise
        self._keep()
        return []

    def name(self, report: Reporter) -> list[Notice]:
        """Find the tokens that every feature's row of the decoder raises most."""
        count = min(self._params.top, self._model.info.d_vocab)
        if self._write_top.shape[1] >= count:
            self._write_top = self._write_top[:, :count]
            return []
        try:
            found = write_top(self._model, self._autoencoder, count, report)
        except Cancelled:
            return [*stopped.before("the tokens that each feature writes were listed", report)]
        if isinstance(found, Notice):
            return [found]
        self._write_top = found
        self._keep()
        return []

    def fields(self) -> dict[str, Any]:
        """Return the fields of a result."""
        tally, text = self._tally, self._text
        start, place, value = tally.by_feature()
        ids = tally.ids()
        files = np.concatenate(self._files)
        data: dict[str, Any] = {
            **self._measures(),
            "feature_start": start,
            "entry_place": place,
            "entry_value": value,
            "entries_of": {ALL: "all", NONE: "none"}.get(tally.of, "chosen"),
            "ids": ids,
            "window_file": files,
            "window_start": np.concatenate(self._starts),
            "files": list(text.files[: int(files.max()) + 1]),
            "corpus": text.corpus,
            "corpus_sha256": self._sha256,
        }
        if self._write_top.shape[1]:
            data["write_top"] = self._write_top
        if self._params.feature >= 0:
            own = tally.of_feature(self._params.feature)
            data |= examples_of(*own, self._params, (tally.length, len(text.lead)))
        return data | words_of(self._model, np.union1d(ids, self._write_top))

    def notices(self) -> list[Notice]:
        """Return what must be said of the text and of what is kept."""
        tally, found = self._tally, self._text.notices()
        if self._changed_at >= 0:
            said = "as a whole" if not self._changed_at else f"from window {self._changed_at + 1:,}"
            message = f"The text is another than when it was last read, and was read anew {said}."
            found.append(Notice("text_changed", message))
        elif self._shorter >= 0:
            still = f"its first {plural(self._shorter, 'window')} still holds"
            message = f"The text is shorter than when it was last read; what was known of {still}."
            found.append(Notice("text_changed", message))
        if tally.of != ALL:
            whose = "none is" if tally.of == NONE else f"those of feature {tally.of} alone are"
            message = (
                f"There are more than {self._most:,} activations, and {whose} kept one by one; "
                "density, largest and mean activation are right of all. Choose fewer --tokens for "
                "examples of every feature."
            )
            found.append(Notice("entries_left_out", message))
        if spoilt := tally.spoilt():
            message = (
                f"At {plural(spoilt, 'token')} of the text activations are not finite: these count "
                "nowhere; load the model with --dtype float32."
            )
            found.append(Notice("tokens_left_out", message))
        return found

    def _begin(self) -> None:
        """Begin to go through the text, from its first token."""
        self._text = text_of(self._model, self._params)
        self._matched = 0  # windows of the text that are known to be those of the tally
        self._files: list[np.ndarray] = []
        self._starts: list[np.ndarray] = []
        self._sha256 = ""
        self._kept_at, self._keeping_s = time.monotonic(), 0.0

    def _go_through(self, report: Reporter) -> bool:
        """Compare what is known and read what is not; return False where all is to be read anew."""
        most, tally = self._text.most, self._tally
        for windows in _groups(iter(self._text), self._at_once):
            first = self._matched
            told = "compared with what is known" if first < tally.windows else "features"
            report.step(first / most, f"{self._place(first)}, {told}")
            ids = np.array([window.ids for window in windows], np.int32)
            if not self._agree(ids, first):
                return False
            is_new = first + len(windows) > tally.windows
            if is_new:
                self._add(ids, tally.windows - first, report)
            self._matched += len(windows)
            self._files.append(np.array([window.file for window in windows], np.int32))
            self._starts.append(np.array([window.start for window in windows], np.int64))
            self._sha256 = self._text.sha256()
            if is_new:
                self._keep_now_and_then()
                report.partial(self._measures())
        if self._matched == tally.windows:
            return True
        # More is known: the text has become shorter, and that may be all that is new.
        changed_at, self._shorter = self._changed_at, self._matched
        if not self._forget_from(self._matched):
            return False
        self._changed_at = changed_at
        return True

    def _place(self, window: int) -> str:
        return f"window {window + 1:,} of {self._text.most:,}"

    def _agree(self, ids: np.ndarray, first: int) -> bool:
        """Forget what is known from where the text is another; return False where that is all."""
        known = self._tally.ids()[first : first + len(ids)] if first < self._tally.windows else ids
        differ = np.flatnonzero((known != ids[: len(known)]).any(-1))
        if not differ.size:
            return True
        return self._forget_from(first + int(differ[0]))

    def _forget_from(self, window: int) -> bool:
        """Forget what is known from a window on, of another text; return False where all is."""
        self._shelf.release()
        self._changed_at = window
        if self._tally.cut(window):
            return True
        self._changed_at = 0
        self._tally.clear()
        return False

    def _add(self, ids: np.ndarray, known: int, report: Reporter) -> None:
        """Read windows `[windows, length]`, of which the first ones may be known.

        A pass has the same windows in the same places, however the reading was divided: those that
        are known are read along, and a last pass is filled up. So no number depends on it. How many
        windows share a pass follows the memory that is free, and changes the model's rounding.
        """
        rows = np.concatenate([ids, np.repeat(ids[-1:], self._at_once - len(ids), axis=0)])
        known = max(0, known)
        first = self._tally.windows
        checks = [*report_hooks(self._model, CheckingReporter(report))]

        def work(some: slice) -> list[Active]:
            wanted = range(max(some.start, known), min(some.stop, len(ids)))
            if not wanted:
                return []
            x, _aim = inputs(
                self._model, self._autoencoder, self._model.ids(rows[some].tolist()), checks
            )
            return [self._active(x[n - some.start], first + n - known) for n in wanted]

        parts: list[Active] = []
        largest = 1
        for some, found in in_batches(self._model, len(rows), self._limit, work):
            parts += found
            largest = max(largest, some.stop - some.start)
        self._limit = min(self._limit, largest)  # where memory ran out
        self._tally.add(ids[known:], Active.joined(parts))
        self._narrow()

    def _active(self, x: torch.Tensor, window: int) -> Active:
        """Return what is active in a window, of what the autoencoder reads there `[S, d_in]`."""
        lead, length, parts = len(self._text.lead), self._params.window, []
        step = max(1, _ENCODED // self._features)
        for begin in range(lead, length, step):
            encoded = self._autoencoder.encode(x[begin : min(length, begin + step)])
            token, feature = encoded.nonzero(as_tuple=True)
            place = (window * length + begin + token).to(torch.int32)
            numbers = (place, feature.to(torch.int32), encoded[token, feature].float())
            parts.append(_finite(*(one.cpu().numpy() for one in numbers)))
        return Active.joined(parts)

    def _narrow(self) -> None:
        """Let go of other features' activations where all of them are too many.

        Up to here they stay on disk, for a run of another feature.
        """
        if self._tally.of == ALL and self._tally.entries > self._most:
            self._keep()
            feature = self._params.feature
            self._tally.narrow(feature if feature >= 0 else NONE)

    def _keep(self) -> None:
        started = time.monotonic()
        self._shelf.keep(self._tally, self._write_top)
        self._kept_at = time.monotonic()
        self._keeping_s = self._kept_at - started

    def _keep_now_and_then(self) -> None:
        since = time.monotonic() - self._kept_at
        if since >= max(KEEP_AFTER_S, self._keeping_s / WRITING_SHARE):
            self._keep()

    def _measures(self) -> dict[str, Any]:
        """Return what is known of all features after the windows so far."""
        tally = self._tally
        tokens = tally.windows * self._text.size
        active = tally.active
        mean = np.full(len(active), np.nan)
        np.divide(tally.total, active, out=mean, where=active > 0)
        return {
            "density": active / max(1, tokens - tally.spoilt()),
            "largest": tally.largest.astype(np.float64),
            "mean_active": mean,
            "windows": tally.windows,
            "tokens_read": tokens,
        }


def _groups(windows: Iterator[Window], size: int) -> Iterator[Sequence[Window]]:
    """Yield windows, as many at once as share a pass."""
    group: list[Window] = []
    for window in windows:
        group.append(window)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _finite(place: np.ndarray, feature: np.ndarray, value: np.ndarray) -> Active:
    """Return activations without those of tokens at which one is not finite."""
    spoilt = np.unique(place[~np.isfinite(value)])
    if not spoilt.size:
        return Active(place, feature, value)
    fine = ~np.isin(place, spoilt)
    return Active(place[fine], feature[fine], value[fine], spoilt)


def text_of(model: LoadedModel, params: FeaturesParams) -> TextWindows:
    """Return the text that settings name, of which nothing is read yet.

    Raises:
        BadInputError: There is no such text, or windows are longer than the model reads.
    """
    given = "" if params.corpus == spec.OWN_CORPUS else params.corpus
    return TextWindows(model, params, given, params.window, params.tokens, "--corpus")


def _texts_per_pass(model: LoadedModel, length: int) -> int:
    """Return how many windows share a pass: as many as memory allows, and not very few tokens.

    The products of few rows are other routines', with other last bits.
    """
    if not model.reads_together:
        return 1
    return max(texts_per_pass(model, length, 1), -(-_FEWEST_TOKENS // length))


def _most_entries(model: LoadedModel, params: FeaturesParams, features: int) -> int:
    """Return how many activations may be kept: fewer than usual where results must be small."""
    others = 4 * params.tokens + spec.all_features_bytes(params, features)
    room = model.storage.limit_bytes - others
    return min(spec.MOST_ENTRIES, max(0, room // 8))
