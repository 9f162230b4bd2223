"""Prompt ranking: what the model predicts, and where the answer stands."""

from __future__ import annotations

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec


class RankParams(Params):
    """Settings of `rank`."""

    top: int = setting(10, "Top", "How many of the most likely next tokens to list.", ge=1, le=1000)
    position: int = setting(
        -1,
        "Position",
        "Where the prediction is read; 0 is the first token, -1 the last.",
        words={"-1": "read at the last position"},
    )


ANALYSIS = Analysis(
    name="rank",
    title="Ranking",
    summary="The next tokens by probability, and each answer's rank, token by token.",
    params=RankParams,
    group="read",
    serves=frozenset({"next_tokens"}),
    example=1,
    compares_answers=True,
    fields=(
        FieldSpec("top", ("prompt", "rank"), "Most likely next tokens"),
        FieldSpec("answers", ("prompt", "answer"), "One row per answer token, teacher-forced"),
        FieldSpec("wrong", ("prompt", "answer"), "The same for the wrong continuations"),
        FieldSpec(
            "logit_diff", ("prompt",), "logit(answer) − logit(wrong)", "logits", True, telling=1
        ),
        FieldSpec("logit_diff_mean", (), "Mean over prompts", "logits", True),
        FieldSpec("logit_diff_sem", (), "Standard error over prompts", "logits", True),
        FieldSpec(
            "prompt_logprob", ("prompt", "position"), "Log-probability of each token", "nats"
        ),
        FieldSpec("prompt_rank", ("prompt", "position"), "Rank of each prompt token"),
        FieldSpec("read_position", ("prompt",), "Where the prediction was read", telling=-1),
        FieldSpec(
            "noise", (), "How far logits go apart that share a pass, in half precision", "logits"
        ),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
