"""The lens: the stream at every layer and position read as next tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator
from typing_extensions import override

from desktop_app.contract.grammar import PartsText
from desktop_app.contract.moves import RunName, parse_move
from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.support.lens_files import NAMES, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import ModelInfo

MAX_MOVES = 1_000
MAX_LIST = 200_000


class LensParams(Params):
    """Settings of `lens`."""

    kind: Kind = setting(
        "logit",
        "Lens",
        "How a stream is brought to the end before it is read: as it is, or by a fitted lens of "
        "this model from a file.",
        words=dict(NAMES),
        labels={"logit": "Logit", "jacobian": "Jacobian", "tuned": "Tuned"},
        named={"logit": "", "jacobian": "Jacobian", "tuned": "tuned"},
    )
    lens_file: str = setting(
        "",
        "Lens file",
        "The file of the fitted lens, which the Jacobian and the tuned lens need.",
        cli="path",
        max_length=4_096,
        words={"": ""},
        named={"": ""},
    )
    top: int = setting(10, "Top", "How many tokens each cell keeps.", ge=1, le=100)
    without: PartsText = setting(
        "",
        "Without",
        "Heads and MLPs that a second, changed run lacks: 5.3, 6.1, m4.",
        placeholder="none",
        max_length=MAX_LIST,
        advanced=True,
    )
    mode: Literal["zero", "mean"] = setting(
        "zero",
        "Replace by",
        "What the removed parts become: zero, or their mean over the given prompts.",
        words={"zero": "", "mean": "removed parts mean"},
        advanced=True,
    )
    run: RunName = setting(
        "corrupt",
        "Changed run",
        "Which prompt of a pair the changed run is made of, where there are moves.",
        words={"corrupt": "", "clean": "moves into the clean run"},
        advanced=True,
    )
    moves: tuple[Annotated[str, AfterValidator(lambda text: str(parse_move(text)))], ...] = setting(
        (),
        "Moves",
        "What the changed run gets of the other: the run it comes from, its site, from where and "
        "into where.",
        max_length=MAX_MOVES,
        advanced=True,
    )

    @override
    def missing(self) -> str:
        """Return the lens file, where a fitted lens is chosen and none is named."""
        return "lens_file" if self.kind != "logit" and not self.lens_file else ""


_SCORES, _SCORE_BYTES, _MEAN_BYTES = 4, 8, 16
_TOP_BYTES = 8


def stored_bytes(params: Params, model: ModelInfo, lengths: Sequence[int]) -> int:
    """Return the bytes that a result of these settings keeps at most."""
    if not isinstance(params, LensParams):
        return 0
    twins = any(row.corrupt for row in params.prompts)
    runs = 1 + twins + bool(params.without or params.moves)
    each = _TOP_BYTES * min(params.top, model.d_vocab) + _SCORES * _SCORE_BYTES
    shared = len(set(lengths)) == 1
    means = _SCORES * _MEAN_BYTES * lengths[0] if shared else 0
    return runs * (model.n_layers + 1) * (each * sum(lengths) + means)


_GRID = ("layer", "position", "prompt")
_TOP = ("prompt", "layer", "position", "rank")


def _of_run(prefix: str, told: str) -> tuple[FieldSpec, ...]:
    return (
        FieldSpec(f"{prefix}top", _TOP, f"Ids of the likeliest tokens{told}", telling=-1),
        FieldSpec(
            f"{prefix}top_prob", _TOP, f"Their probabilities{told}", nullable=True, telling=-1
        ),
        FieldSpec(f"{prefix}answer_rank", _GRID, f"Rank of the answer, 0 = top{told}", "", True),
        FieldSpec(
            f"{prefix}answer_logprob", _GRID, f"Log-probability of the answer{told}", "nats", True
        ),
        FieldSpec(
            f"{prefix}logit_diff", _GRID, f"logit(answer) − logit(wrong){told}", "logits", True
        ),
        FieldSpec(
            f"{prefix}wrong_rank", _GRID, f"Rank of the wrong answer, 0 = top{told}", "", True
        ),
    )


ANALYSIS = Analysis(
    name="lens",
    title="Lens",
    summary="Read the stream at every layer and position as next tokens.",
    params=LensParams,
    group="read",
    serves=frozenset({"lens_with", "lens_without"}),
    compares_answers=True,
    stores=stored_bytes,
    stored="readings",
    fields=(
        *_of_run("", ""),
        *_of_run("corrupt_", ", on the corrupt twin"),
        *_of_run("changed_", ", in the changed run"),
        FieldSpec("token_ids", ("token",), "Ids that occur in the grids", telling=-1),
        FieldSpec("token_texts", ("token",), "Their texts, decoded alone", telling=-1),
        FieldSpec("token_pieces", ("token",), "Their pieces in the vocabulary", telling=-1),
        FieldSpec("fitted", (), "What the file of a fitted lens says of it"),
        FieldSpec("read_position", ("prompt",), "Where the prediction is read", telling=-1),
        FieldSpec("end_difference", ("prompt",), "Largest |last row − the model's own logits|"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
