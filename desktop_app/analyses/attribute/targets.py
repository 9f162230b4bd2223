"""What is split of each prompt: the difference of its answers, its answer's logit, or a token's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.contract.params import PromptRow
from desktop_app.contract.result import Notice
from desktop_app.methods.nearness import prepare_near
from desktop_app.methods.prepare import Prepared, encoder_of, prepare
from desktop_app.support.errors import BadInputError
from desktop_app.text.answers import resolve_row

if TYPE_CHECKING:
    from desktop_app.analyses.attribute.spec import AttributeParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.direct import Aims


@dataclass(frozen=True)
class Targets:
    """What is split.

    Attributes:
        prepared: The prompts.
        aims: Of each prompt, the tokens that count and those they are compared with.
        named: Of each prompt, the token that was named; empty where the answers count.
        notices: What is to be said of the prompts and their targets.
    """

    prepared: Prepared
    aims: tuple[Aims, ...]
    named: tuple[int, ...]
    notices: tuple[Notice, ...]


def choose_targets(model: LoadedModel, params: AttributeParams, report: Reporter) -> Targets:
    """Return what is split of each prompt.

    Raises:
        BadInputError: A prompt has no answer and no token is named, or it cannot be read.
    """
    if params.token:
        return _of_a_token(model, params)
    prepared = prepare_near(model, params, report, params.position)
    aims: list[Aims] = []
    for index, record in enumerate(prepared.records):
        if not record.answers:
            raise BadInputError(
                f"Prompt {index + 1} has no answer whose logit could be split: give --answer, or "
                "name a token with --token."
            )
        right, wrong = (tuple(a.token_id for a in of) for of in (record.answers, record.wrongs))
        aims.append((right, wrong))
    return Targets(prepared, tuple(aims), (), (*prepared.notices, *_mixed(aims)))


def _of_a_token(model: LoadedModel, params: AttributeParams) -> Targets:
    """Return the named token of each prompt, read as its continuation."""
    unfixed = params.model_copy(update={"fix": False})
    # Of its answers nothing is compared, so nothing is to be said of them either.
    prepared = prepare(model, unfixed, answers="inspected", position=params.position)
    encoder, named, notices = encoder_of(model, params), [], list[Notice]()
    for index, record in enumerate(prepared.records):
        row = PromptRow(text=record.text, answer=(params.token,))
        resolved = resolve_row(row, index, encoder, apply_fix=False)
        token = resolved.answers[0].token_id
        if token >= model.info.d_vocab:
            raise BadInputError(
                f"--token “{params.token}” is token {token}, and the model knows only ids below "
                f"{model.info.d_vocab}: the tokenizer does not belong to this model."
            )
        named.append(token)
        notices += resolved.notices
    aims = tuple(((token,), ()) for token in named)
    return Targets(prepared, aims, tuple(named), tuple(notices))


def _mixed(aims: list[Aims]) -> tuple[Notice, ...]:
    """Return the warning that means run over differences and plain logits, if they do."""
    alone = [index for index, (_right, wrong) in enumerate(aims) if not wrong]
    if len(alone) in {0, len(aims)}:
        return ()
    message = (
        f"Prompt {alone[0] + 1} has no wrong answer, so its answer's logit is split, and others’ "
        "logit differences: their means mix both; give every prompt a wrong answer, or none."
    )
    return (Notice("targets_mixed", message, None, alone[0]),)
