"""What patching by hand shows, computed from a result without Qt."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.hand_patch.removed import name_of, removed_of, together_sentence
from desktop_app.contract.moves import Move, parse_move
from desktop_app.contract.result import same_model
from desktop_app.pictures.boards import OTHER, Board, Cell, differing
from desktop_app.pictures.moves import AskedMoves
from desktop_app.pictures.noise import noise_sentence
from desktop_app.pictures.predictions import next_tokens, token_text
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import choice_label, metric_name, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.hand_patch.spec import HandPatchParams
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.moves import HandSite, RunName
    from desktop_app.contract.result import Result
    from desktop_app.pictures.predictions import Mark
    from desktop_app.pictures.ranking import Ranking


_NAMED = 3  # more parts are counted


def run_of(result: Result) -> RunName:
    """Return which run was changed."""
    return "clean" if result.params.get("run") == "clean" else "corrupt"


def pair_of(result: Result) -> int:
    """Return which prompt of the result was worked on."""
    pair = result.params.get("pair")
    return pair if isinstance(pair, int) and 0 <= pair < len(result.prompts) else 0


def moves_of(result: Result) -> tuple[Move, ...]:
    """Return what was put where."""
    return tuple(parse_move(str(text)) for text in result.params.get("moves") or ())


def has_twin(result: Result) -> bool:
    """Return whether there is a corrupt run beside the clean one."""
    record = result.prompts[pair_of(result)]
    twin = record.corrupt_tokens
    return twin is not None and len(twin) == len(record.tokens)


def board_of(result: Result) -> Board:
    """Return the grids of a result.

    Raises:
        ValueError: What its moves reach is not told of every cell.
    """
    record = result.prompts[pair_of(result)]
    alone = not has_twin(result)
    twin = record.tokens if alone or record.corrupt_tokens is None else record.corrupt_tokens
    reach = np.asarray(result.data["reach"], dtype=bool)
    if reach.shape != (result.model.n_layers, len(record.tokens)):
        raise ValueError(f"reach has the shape {reach.shape}")
    return Board(
        layers=result.model.n_layers,
        tokens={
            "clean": tuple(display_text(t) for t in record.tokens.texts),
            "corrupt": tuple(display_text(t) for t in twin.texts),
        },
        differs=differing(record.tokens.ids, twin.ids),
        read=int(result.data["read_position"]),
        run=run_of(result),
        moves=moves_of(result),
        reach=reach,
        alone=alone,
    )


def with_move(
    params: HandPatchParams, site: HandSite, source: Cell, target: Cell
) -> HandPatchParams:
    """Return the settings with one more move.

    A move into the other run begins anew there; one into a cell that has a move takes its place.
    """
    move = Move(source.run, site, (source.layer, source.position), (target.layer, target.position))
    old = [parse_move(text) for text in params.moves] if target.run == params.run else []
    kept = [str(m) for m in old if (m.site, m.target) != (move.site, move.target)]
    return params.model_copy(update={"run": target.run, "moves": (*kept, str(move))})


def mirrored(params: HandPatchParams, run: RunName) -> HandPatchParams:
    """Return the same question the other way round: another run is changed by its twin."""
    if run == params.run:
        return params
    moves = (parse_move(text) for text in params.moves)
    turned = tuple(str(replace(move, run=OTHER[move.run])) for move in moves)
    return params.model_copy(update={"run": run, "moves": turned})


def without_move(params: HandPatchParams, index: int) -> HandPatchParams:
    """Return the settings without one of the moves."""
    kept = tuple(m for i, m in enumerate(params.moves) if i != index)
    return params.model_copy(update={"moves": kept})


def move_words(board: Board, move: Move) -> str:
    """Name a move: `clean L12 · 4: 3`, with its target where that is another cell."""
    layer, position = move.source
    token = board.tokens[move.run][position] if position < board.length else ""
    site = "" if move.site == "resid_post" else f" {choice_label(move.site)}"
    words = f"{move.run}{site} L{layer} · {position}: {token}"
    if move.target == move.source:
        return words
    return f"{words} → L{move.target[0]} · {move.target[1]}"


def move_tip(board: Board, move: Move) -> str:
    """Say a move in full, with its notation beneath."""
    (layer, position), (into, at) = move.source, move.target
    tokens = board.tokens[move.run]
    token = f" ({tokens[position]})" if position < len(tokens) else ""
    return (
        f"{choice_label(move.site)}, layer {layer}, position {position}{token} of the {move.run} "
        f"run, put into layer {into}, position {at} of the {board.run} run"
    )


def short_words(result: Result) -> str:
    """Name all moves in as few letters as can be: `L12·4 + L12·6`, `clean: L3·2`."""
    run, told = run_of(result), []
    for move in moves_of(result):
        words = f"L{move.source[0]}·{move.source[1]}"
        if move.target != move.source:
            words += f"→L{move.target[0]}·{move.target[1]}"
        told.append(words if move.run != run else f"{words} (own)")
    gone = removed_of(result).parts
    if gone:
        told.append(f"− {' '.join(name_of(part).replace(' ', '·') for part in gone)}")
    words = " + ".join(told).replace("+ − ", "− ") or "nothing"
    return words if run == "corrupt" else f"clean: {words}"


def predictions(result: Result, field: str) -> Ranking:
    """Return the next tokens with (`top`) or without (`base_top`) the moves, and the other's."""
    record, data = result.prompts[pair_of(result)], result.data
    marked: dict[int, Mark] = {a.token_id: "wrong" for a in record.wrongs}
    marked |= {a.token_id: "answer" for a in record.answers}
    other = data["base_top" if field == "top" else "top"]
    others = {int(row["id"]): float(row["prob"]) for row in other}
    return next_tokens(data[field], marked, others)


def best_token(result: Result) -> str:
    """Return the most likely token with the moves."""
    top = result.data["top"]
    return token_text(top[0]) if len(top) else ""


def way(result: Result) -> float:
    """Return how far the run has come towards the other one; 0 untouched, 1 all the way."""
    data = result.data
    goal = float(data["clean" if run_of(result) == "corrupt" else "corrupt"])
    span = goal - float(data["base"])
    return (float(data["patched"]) - float(data["base"])) / span if span else math.nan


def outcome_sentence(result: Result) -> str:
    """Say what the moves do to the metric."""
    run, data, metric = run_of(result), result.data, metric_name(result)
    which = f"Prompt {pair_of(result) + 1}: the" if len(result.prompts) > 1 else "The"
    count = len(moves_of(result))
    gone = removed_of(result).parts
    if not count and not gone:
        return f"{which} {run} run as it is: {metric} {number(float(data['base']))}"
    before, after = number(float(data["base"])), number(float(data["patched"]))
    put = f"with {plural(count, 'activation')} put in" if count else ""
    left = f"without {_listed(gone)}" if gone else ""
    share = way(result) if has_twin(result) else math.nan
    to = "" if math.isnan(share) else f", {number(share, 2)} of the way to {OTHER[run]}"
    # A run that loses parts goes nowhere in particular.
    to = to if count else ""
    done = ", ".join(filter(None, (put, left)))
    return f"{which} {run} run {done}: {metric} {before} → {after}{to}"


def _listed(parts: tuple[Part, ...]) -> str:
    """Name a few parts, or say how many there are."""
    if len(parts) > _NAMED:
        return plural(len(parts), "part")
    return ", ".join(map(name_of, parts))


def asked_moves(result: Result, site: str) -> AskedMoves | None:
    """Return what a map must speak of to colour the changed run of a result."""
    return asked_texts(result, site) if has_twin(result) else None


def asked_texts(result: Result, site: str) -> AskedMoves:
    """Return what a reading of the streams must speak of."""
    record, metric = result.prompts[pair_of(result)], str(result.params.get("metric"))
    return AskedMoves(result.model, record, metric, site, run_of(result))


def same_pair(one: Result, other: Result) -> bool:
    """Return whether two results speak of one pair of prompts on one model by one metric."""
    return same_model(one.model, other.model) and _key(one) == _key(other)


def same_try(one: Result, other: Result) -> bool:
    """Return whether two results are one: the one that was computed, and as the session has it."""
    if one is other:
        return True
    made = one.provenance.get("created"), one.timing, one.params
    return made == (other.provenance.get("created"), other.timing, other.params)


def _key(result: Result) -> tuple[Any, ...]:
    record = result.prompts[pair_of(result)]
    twin = record.corrupt_tokens
    return (
        record.tokens.ids,
        None if twin is None else twin.ids,
        tuple(a.token_id for a in (*record.answers, *record.wrongs)),
        result.params.get("metric"),
    )


def lines(result: Result) -> Iterator[str]:
    """Yield the metric before and after, and the two rankings side by side, for a terminal."""
    data, params = result.data, result.params
    went = f"{number(data['base'])} → {number(data['patched'])}"
    yield f"{params['run']} run: {metric_name(result)} {went}"
    if noise := noise_sentence(result):
        yield noise
    for move in params["moves"]:
        yield f"  {move}"
    removed = removed_of(result)
    for part, effect in zip(removed.parts, removed.effects, strict=True):
        yield f"  without {name_of(part):<9} alone {number(effect, sign=True)}"
    if len(removed.parts) > 1:
        yield f"  {together_sentence(removed, metric_name(result))}"
    for before, after in zip(data["base_top"], data["top"], strict=True):
        yield (
            f"  {before['piece']:<14} p {number(before['prob'])}   →   {after['piece']:<14} "
            f"p {number(after['prob'])}"
        )


def named(result: Result) -> str:
    """Return what was done, for the name of a result: it tells the tries of a pair apart."""
    removed = removed_of(result)
    if moves_of(result):
        return short_words(result)
    if not removed.parts:
        return f"the {run_of(result)} run as it is"
    run = "" if run_of(result) == "clean" else ", corrupt run"
    return f"without {', '.join(map(name_of, removed.parts))} ({removed.mode}{run})"


def about(result: Result) -> str:
    """Return the prompt that was worked on, for the history."""
    return result.prompts[pair_of(result)].text if result.prompts else ""


_MOST = 200


class HandHistory:
    """Keeps the results of one pair of prompts; another pair begins anew.

    Undoing goes back to what was on screen before; trying something then forgets the way forth, as
    in every editor, but what was tried stays listed.
    """

    def __init__(self) -> None:
        self.tried: list[Result] = []
        self._way: list[Result] = []
        self._here = -1

    def add(self, result: Result) -> None:
        """Take a result that has come on screen."""
        if self.tried and not same_pair(self.tried[-1], result):
            self.clear()
        places = [place for place, known in enumerate(self.tried) if same_try(known, result)]
        for place in places:
            self.tried[place] = result
        if not places:
            self.tried = [*self.tried, result][-_MOST:]
        here = self.current()
        if here is not None and same_try(here, result):
            self._way[self._here] = result
        else:
            self._way = [*self._way[: self._here + 1], result][-_MOST:]
            self._here = len(self._way) - 1

    def learn(self, results: Sequence[Result]) -> None:
        """List what was tried before, oldest first; nothing of it comes on screen by that."""
        if not results:
            return
        if self.tried and not same_pair(self.tried[-1], results[-1]):
            self.clear()
        here = self.tried
        kept = [next((k for k in here if same_try(k, result)), result) for result in results]
        rest = [known for known in here if not any(same_try(known, r) for r in results)]
        self.tried = [*kept, *rest][-_MOST:]

    def current(self) -> Result | None:
        """Return the result on screen, or None."""
        return self._way[self._here] if self._here >= 0 else None

    def can_go(self, steps: int) -> bool:
        """Return whether something was on screen before this (−1), or was undone (1)."""
        return 0 <= self._here + steps < len(self._way)

    def go(self, steps: int) -> Result | None:
        """Go back (−1) or forth again (1) and return what was there, or None."""
        if not self.can_go(steps):
            return None
        self._here += steps
        return self.current()

    def clear(self) -> None:
        """Forget everything."""
        self.tried, self._way, self._here = [], [], -1
