"""Features of a sparse autoencoder: of prompts, over a text, and one of them looked at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from desktop_app.analyses.features import from_embedding
from desktop_app.analyses.features.card import card_of
from desktop_app.analyses.features.needs import say_needs
from desktop_app.analyses.features.of_feature import ChosenFeature, check_position
from desktop_app.analyses.features.on_prompts import (
    AVERAGED,
    fields_of,
    prompts_per_pass,
    read_prompts,
)
from desktop_app.analyses.features.over_text import over_text
from desktop_app.analyses.features.spec import ANALYSIS, FeaturesParams
from desktop_app.analyses.features.token_lists import lists_of
from desktop_app.analyses.features.write_top import beside_prompts
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.memory import texts_per_pass
from desktop_app.methods import stopped
from desktop_app.methods.autoencoders import open_autoencoder
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.prepare import encoder_of, prepare
from desktop_app.methods.text_windows import lead_of
from desktop_app.methods.watching import in_batches
from desktop_app.pictures.words import percent, plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder
    from desktop_app.methods.prepare import Prepared

# Of a prompt's time: reading it against all runs of its own that a feature takes.
_READ_SHARE = 0.2
# Of the whole time, where a text is read as well.
_PROMPTS_SHARE, _TEXT_SHARE = 0.1, 0.85
_LISTS_SHARE = 0.3  # where none is
_PROMPTS_NAMED = 5
_LEAST_EXPLAINED = 0.5
_MOST_LOST = 1  # nats


def run(model: LoadedModel, params: FeaturesParams, report: Reporter) -> Result:
    """Read the features of prompts and of a text, and one of them closely.

    Returns:
        Per prompt `top` features and their activations `[S, K]`, `l0_token`, `error_token` `[S]`,
        and one number each of `variance_explained`, `l0`, `mse`, `loss`, `loss_spliced` and
        `loss_change`. Of the chosen feature `activation`, `ablated_text`, `alone` `[S]`,
        `direction_ablated [S − 1]`, `peak`, `from_embedding`, and the lists `write` and `read`.
        Over a text what `over_text` gives.
    """
    clock = Clock(model)
    autoencoder = open_autoencoder(model, params.sae)
    _refuse_absent(params, autoencoder)
    prepared = prepare(model, params, answers="inspected") if params.reads_prompts() else None
    texts = [] if prepared is None else [encoding.ids for encoding in prepared.encodings]
    if params.feature >= 0:
        check_position(params, [len(text) for text in texts])
    say_needs(model, autoencoder, params, texts, report)
    work = _Work(model, params, autoencoder, texts)
    missing = work.run(report)
    records = () if prepared is None else prepared.records[: work.count()]
    repairs = [*_repairs(params, prepared), *_other_beginning(model, params, autoencoder)]
    notices = [*repairs, *work.notices(), *missing]
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, records, (work.fields(), notices), clock)


def _refuse_absent(params: FeaturesParams, autoencoder: Autoencoder) -> None:
    """Refuse a feature that the autoencoder does not have."""
    if params.feature >= autoencoder.head.d_sae:
        raise BadInputError(
            f"--feature {params.feature:,}: the autoencoder has {autoencoder.head.d_sae:,} "
            "features, counted from 0; choose one of them."
        )


def _repairs(params: FeaturesParams, prepared: Prepared | None) -> list[Notice]:
    """Return which answers were repaired: none is compared here, but a prompt may be another."""
    return list(prepared.notices) if params.fix and prepared is not None else []


def _other_beginning(
    model: LoadedModel, params: FeaturesParams, autoencoder: Autoencoder
) -> list[Notice]:
    """Return the warning where texts begin otherwise than those that it was trained on."""
    trained = {"true": True, "yes": True, "false": False, "no": False}.get(
        autoencoder.head.facts.get("bos", "").lower()
    )
    bos = model.tokenizer.bos_id
    begins = bos is not None and encoder_of(model, params).encode("a").ids[:1] == (bos,)
    if trained is None or trained == begins:
        return []
    how, instead = ("with", "yes") if trained else ("without", "no")
    message = (
        f"The autoencoder was trained on texts {how} a BOS, and these texts are read "
        f"{'without' if trained else 'with'} one: choose --bos {instead}, or trust the first "
        "tokens less."
    )
    return [Notice("sae_bos_differs", message)]


class _Work:
    """The features of prompts and of a text, while they are read."""

    def __init__(
        self,
        model: LoadedModel,
        params: FeaturesParams,
        autoencoder: Autoencoder,
        texts: Sequence[Sequence[int]],
    ) -> None:
        self._model, self._params, self._texts = model, params, texts
        self._autoencoder = autoencoder
        self._chosen = None
        self._whole: dict[str, Any] = {"card": card_of(autoencoder.head)}
        self._told: list[Notice] = [*autoencoder.notices]
        self._found: dict[int, dict[str, Any]] = {}
        self._over: dict[str, Any] = {}
        if params.feature >= 0:
            self._chosen = ChosenFeature(model, autoencoder, params)
            lists, told = lists_of(model, autoencoder, params.feature, params.top)
            self._whole |= lists
            self._told += told

    def run(self, report: Reporter) -> Sequence[Notice]:
        """Read prompts, then the text; return what a run that was stopped has left out.

        Raises:
            Cancelled: There is nothing yet, or nobody wants it.
        """
        share = _PROMPTS_SHARE if self._params.corpus else 1 - _LISTS_SHARE
        try:
            self._read_prompts(ShareReporter(report, 0.0, share))
        except Cancelled:
            if not self.count():
                raise
            return stopped.before(f"prompt {self.count() + 1} of {len(self._texts)}", report)
        report.partial(self.fields())
        if not self._params.corpus:
            return self._list_all(ShareReporter(report, share, _LISTS_SHARE))
        try:
            self._read_text(report)
        except Cancelled:
            if not (self._found or self._over):
                raise
            after = "how much the embedding tells" if self._over else "the text"
            return stopped.before(after, report)
        return ()

    def _list_all(self, report: Reporter) -> Sequence[Notice]:
        """List the tokens that all features write; return what must be said of them."""
        if "not_unembedded" in {notice.code for notice in self._told}:
            return ()
        count = min(self._params.top, self._model.info.d_vocab)
        lists, told = beside_prompts(self._model, self._autoencoder, count, report)
        self._whole |= lists
        return told

    def count(self) -> int:
        """Return how many of the first prompts are whole."""
        total = len(self._texts)
        return next((n for n in range(total) if n not in self._found), total)

    def _read_prompts(self, report: Reporter) -> None:
        """Read all prompts, those of one length together."""
        whole, done = sum(map(len, self._texts)), 0
        for length in dict.fromkeys(map(len, self._texts)):
            own = [n for n, text in enumerate(self._texts) if len(text) == length]
            limit = texts_per_pass(self._model, length, length)
            limit = prompts_per_pass(self._model, limit, length, self._autoencoder.head.d_sae)

            def some(rows: slice, own: list[int] = own, done: int = done) -> None:
                numbers = own[rows]
                before = done + len(self._texts[own[0]]) * rows.start
                took = len(self._texts[own[0]]) * len(numbers)
                self._group(numbers, ShareReporter(report, before / whole, took / whole))

            for _rows, _nothing in in_batches(self._model, len(own), limit, some):
                pass
            done += length * len(own)

    def _group(self, numbers: Sequence[int], report: Reporter) -> None:
        """Read prompts of one length."""
        told = f"prompt {numbers[0] + 1} of {len(self._texts)}"
        report.step(0.0, told)
        ids = self._model.ids([self._texts[n] for n in numbers])
        settings = self._params.top, self._params.feature
        rows, base = read_prompts(self._model, self._autoencoder, ids, settings)
        report.step(_READ_SHARE, told)
        if self._chosen is not None:
            without = self._chosen.direction_ablated(ids, base)
            each = (1 - _READ_SHARE) / len(numbers)
            for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
                share = ShareReporter(report, _READ_SHARE + each * place, each)
                row["direction_ablated"] = without[place]
                self._look(self._chosen, self._texts[number], row, share)
        self._found |= dict(zip(numbers, rows, strict=True))

    def _look(
        self, chosen: ChosenFeature, ids: Sequence[int], row: dict[str, Any], report: Reporter
    ) -> None:
        """Read the chosen feature in runs of its own, on one prompt."""
        row["peak"] = chosen.place(row["activation"])
        taken = ShareReporter(report, 0.0, 0.8)
        row["ablated_text"] = chosen.ablated(ids, row["activation"], row["peak"], taken)
        row["alone"] = chosen.alone(ids, ShareReporter(report, 0.8, 0.2))

    def _read_text(self, report: Reporter) -> None:
        """Read the text, and how much of the chosen feature the embedding tells there."""
        share = _Added(report, _PROMPTS_SHARE, _TEXT_SHARE)
        share.fields = self.fields()
        data, notices = over_text(self._model, self._autoencoder, self._params, share)
        self._over = dict(data)
        self._told += notices
        if self._chosen is None or PARTIAL in {notice.code for notice in notices}:
            return
        lead = len(lead_of(self._model, self._params))
        places = from_embedding.places_of(data, self._chosen.number, lead)
        if places is not None:
            rest = ShareReporter(report, _PROMPTS_SHARE + _TEXT_SHARE, 0.05)
            found = from_embedding.over_places(self._model, self._chosen, places, rest)
            self._whole["from_embedding"] = found

    def fields(self) -> dict[str, Any]:
        """Return the fields so far."""
        rows = [self._found[number] for number in range(self.count())]
        data = {**self._whole, **fields_of(rows)}
        for name in AVERAGED if rows else ():
            data |= with_twins(name, np.array([row[name] for row in rows]))
        if rows and self._chosen is not None:
            data["peak"] = np.array(data["peak"])
            pair = list(data["activation"]), list(data["alone"])
            data.setdefault("from_embedding", from_embedding.over_prompts(self._chosen, *pair))
        return data | self._over

    def notices(self) -> list[Notice]:
        """Return what must be said of the prompts and of the text."""
        rows = [self._found[number] for number in range(self.count())]
        bad = [n for n, row in enumerate(rows) if row["variance_explained"] < 0]
        poor = [n for n, row in enumerate(rows) if n not in set(bad) and _is_poor(row)]
        silent = bool(rows) and all(row.get("peak", 0) < 0 for row in rows)
        told = list(self._told)
        if bad:
            message = (
                f"The autoencoder explains less of {_prompts(bad)} than their mean does: it may be "
                "of another model, another layer, or other texts; look at the error of each token."
            )
            told.append(Notice("badly_explained", message))
        if poor:
            message = (
                f"The autoencoder reconstructs {_prompts(poor)} poorly: less than "
                f"{percent(100 * _LEAST_EXPLAINED)} of the variance is explained, or the loss "
                f"rises by more than {plural(_MOST_LOST, 'nat')}. Every token counts here, the "
                "first position (such as a BOS) too, which training usually leaves out and which "
                "many autoencoders do badly: look at the error of each token."
            )
            told.append(Notice("poorly_explained", message))
        if silent:
            message = (
                f"Feature {self._params.feature} is active at no token of the prompts, so that "
                "none can be taken from under it: choose another feature, other prompts, or a "
                "--position."
            )
            told.append(Notice("feature_silent", message))
        return told


def _is_poor(row: Mapping[str, Any]) -> bool:
    """Return whether little is explained of a prompt, or much is lost; not where none is known."""
    explained, lost = row["variance_explained"], row["loss_change"]
    return bool(explained < _LEAST_EXPLAINED or lost > _MOST_LOST)


class _Added(ShareReporter):
    """Hands over what is known of the text together with what is known of the prompts."""

    fields: Mapping[str, Any]

    @override
    def partial(self, data: Mapping[str, Any]) -> None:
        super().partial({**self.fields, **data})


def _prompts(numbers: Sequence[int]) -> str:
    """Return prompts by their numbers, the first few of them."""
    named = ", ".join(str(n + 1) for n in numbers[:_PROMPTS_NAMED])
    more = len(numbers) - _PROMPTS_NAMED
    return f"prompt{'s' * (len(numbers) > 1)} {named}" + (f" and {more} more" if more > 0 else "")
