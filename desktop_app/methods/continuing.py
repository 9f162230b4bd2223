"""What a circuit says next, token by token: greedy, the parts outside replaced at every step.

Every step is a run of the whole text so far, with nothing remembered of the steps before. Positions
of the prompt take what they take in a single run; those beyond the reference, where it has nothing,
take the mean over its positions (of the twin, over the twin's). Negative positions of kept parts
count from the end of the text so far. A continuation ends with an end-of-text token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.kept import Kept
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.grid import Group
    from desktop_app.methods.knockout import Knockout

RULE = (
    "Greedy; parts outside the circuit are replaced at every step and position. Positions beyond "
    "the reference take the mean over its positions; negative positions of kept parts count from "
    "the end of the text so far."
)


def continuations(
    knockout: Knockout, kept: Kept, count: int, report: Reporter
) -> list[dict[str, Any]]:
    """Return of each prompt what the circuit adds: ids, pieces, texts and log-probabilities.

    Args:
        knockout: The prompts and what parts become.
        kept: The circuit.
        count: How many tokens at most.
        report: Told at every step; may cancel there.

    Raises:
        BadInputError: A text would be longer than the model reads.
    """
    model = knockout.model
    require_room(model, [group.length for group in knockout.groups], count, "--generate")
    found: dict[int, dict[str, Any]] = {}
    for number, group in enumerate(knockout.groups):
        share = ShareReporter(report, number / len(knockout.groups), 1 / len(knockout.groups))
        steps = _steps(knockout, kept, group, count, share)
        for row, prompt in enumerate(group.prompts):
            found[prompt] = _told(model, [one[row] for one in steps])
    return [found[prompt] for prompt in sorted(found)]


def require_room(model: LoadedModel, lengths: Sequence[int], count: int, setting: str) -> None:
    """Require that a model reads texts of these lengths with so many tokens more.

    Raises:
        BadInputError: A text would be longer than the model reads; `setting` names what says how
            many tokens are generated.
    """
    longest = max(lengths) + count
    if longest > model.info.n_ctx:
        raise BadInputError(
            f"{setting} {count} makes texts of {longest:,} tokens and {model.info.name} reads at "
            f"most {model.info.n_ctx:,}: generate fewer."
        )


def _steps(
    knockout: Knockout, kept: Kept, group: Group, count: int, report: Reporter
) -> list[list[tuple[int, float]]]:
    """Return of each step and prompt the token and its log-probability."""
    rows, steps = len(group.prompts), []
    ids = group.ids[:rows]
    for step in range(count):
        report.step(step / count, f"Token {step + 1} of {count}")

        def work(some: slice, ids: torch.Tensor = ids) -> torch.Tensor:
            return knockout.continued(kept, _part(group, some), ids[some], report)

        parts = [logits for _rows, logits in in_batches(knockout.model, rows, rows, work)]
        logits = torch.cat(parts)
        best = logits.argmax(-1)
        logprobs = logits.log_softmax(-1).gather(-1, best[:, None])[:, 0]
        steps.append(list(zip(best.tolist(), logprobs.tolist(), strict=True)))
        ids = torch.cat([ids, best[:, None].to(ids.device)], dim=1)
    return steps


def _part(group: Group, some: slice) -> Group:
    """Return some prompts of a group, and their twins where there are any."""
    rows = len(group.prompts)
    twins = group.ids[rows:]
    ids = torch.cat([group.ids[:rows][some], twins[some]]) if len(twins) else group.ids[:rows][some]
    return type(group)(group.prompts[some], ids)


def _told(model: LoadedModel, steps: Sequence[tuple[int, float]]) -> dict[str, Any]:
    ends = ending_tokens(model)
    until = next((i + 1 for i, (token, _p) in enumerate(steps) if token in ends), len(steps))
    described = [model.tokenizer.describe(token) for token, _logprob in steps[:until]]
    return {
        "ids": [token for token, _logprob in steps[:until]],
        "pieces": [piece for piece, _text in described],
        "texts": [text for _piece, text in described],
        "logprobs": [logprob for _token, logprob in steps[:until]],
    }


def ending_tokens(model: LoadedModel) -> frozenset[int]:
    """Return the tokens that end a text, as model and tokenizer say."""
    settings = getattr(model.bridge.original_model, "generation_config", None)
    given = [getattr(one, "eos_token_id", None) for one in (settings, model.tokenizer.raw)]
    found: set[int] = set()
    for one in given:
        found |= set(one) if isinstance(one, (list, tuple)) else {one} if one is not None else set()
    return frozenset(found)
