"""Patching by hand: chosen cells of one run put into the other, chosen parts removed along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from desktop_app.contract.grammar import PartsText
from desktop_app.contract.moves import RunName, parse_move
from desktop_app.contract.params import Metric, Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, noise_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_MOVES = 1_000
MAX_LIST = 200_000


class HandPatchParams(Params):
    """Settings of `hand_patch`."""

    pair: int = setting(
        0,
        "Pair",
        "Which prompt and its corrupt twin are worked on, counted from 0.",
        ge=0,
        numbered="prompt",
        advanced=True,
    )
    run: RunName = setting(
        "corrupt",
        "Run",
        "Which of the two prompts is run with the moves.",
        words={"": "into the {} run"},
    )
    moves: tuple[Annotated[str, AfterValidator(lambda text: str(parse_move(text)))], ...] = setting(
        (),
        "Moves",
        "What is put where: the run it comes from, its site, from where and into where.",
        max_length=MAX_MOVES,
    )
    without: PartsText = setting(
        "",
        "Without",
        "Heads and MLPs that are removed along with the moves, all at once: 5.3, 6.1, m4.",
        placeholder="none",
        max_length=MAX_LIST,
    )
    mode: Literal["zero", "mean"] = setting(
        "zero",
        "Replace by",
        "What the removed parts become: zero, or their mean over the reference prompts.",
        words={"zero": "removed parts zero", "mean": "removed parts mean"},
    )
    reference: tuple[str, ...] = setting(
        (),
        "Reference prompts",
        "Prompts over which the mean is taken; the given prompts where none are named.",
        advanced=True,
        cli="prompt_file",
    )
    metric: Metric = setting(
        "logit_diff", "Metric", "The number that is watched, read where the clean prompt ends."
    )
    top: int = setting(10, "Top", "How many next tokens are listed.", ge=1, le=1_000)


def _question(params: Mapping[str, Any], prompts: Sequence[Mapping[str, Any]]) -> object:
    """Return the pair and the metric: with other moves it is another try."""
    place = int(params.get("pair") or 0)
    asked = [
        (prompt.get("text"), prompt.get("corrupt_text"), _texts(prompt, "answers", "wrongs"))
        for prompt in prompts[place : place + 1]
    ]
    return [params.get("metric"), params.get("bos"), params.get("chat"), asked]


def _texts(prompt: Mapping[str, Any], *names: str) -> list[list[str]]:
    return [[str(answer.get("text")) for answer in prompt.get(name) or ()] for name in names]


ANALYSIS = Analysis(
    name="hand_patch",
    title="By hand",
    summary="Put activations of one run into the other, remove parts, and see what it predicts.",
    params=HandPatchParams,
    group="change",
    serves=frozenset({"hand_move", "ablate_together"}),
    noun="patching by hand",
    needs_answers=True,
    compares_answers=True,
    question=_question,
    fields=(
        FieldSpec("clean", (), "The metric of the clean run", "metric"),
        FieldSpec("corrupt", (), "The metric of the corrupt run, if any", "metric", True),
        FieldSpec("base", (), "The metric of the run before the moves", "metric"),
        FieldSpec("patched", (), "The metric with the moves and without the parts", "metric"),
        FieldSpec("moved", (), "The metric with the moves and nothing removed", "metric"),
        FieldSpec("joint", (), "patched − moved: what removing all of them changes", "metric"),
        FieldSpec("removed", ("part",), "The parts that were removed together"),
        FieldSpec("single", ("part",), "The metric with that part alone removed", "metric"),
        FieldSpec("effect", ("part",), "single − moved; negative: removing it hurts", "metric"),
        FieldSpec("base_top", ("rank",), "The next tokens before the moves"),
        FieldSpec("top", ("rank",), "The next tokens with the moves"),
        noise_spec(()),
        FieldSpec("reach", ("layer", "position"), "Whether the moves can change the stream there"),
        FieldSpec("read_position", (), "Where the metric was read"),
    ),
)
