"""All continuations of a study: grown side by side, token by token, and each read once more.

Prompts of one token length (or, padded, of all) grow together: plain, steered and control in passes
of one shape, so that where nothing is changed they are equal bit for bit. What was steered is then
read in one full pass with the same interventions at the very positions that the steps touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from desktop_app.analyses.steer.heard import Heard
from desktop_app.analyses.steer.recompute import recompute
from desktop_app.analyses.steer.strips import strips
from desktop_app.contract.report import CheckingReporter, ShareReporter
from desktop_app.engine.memory import budget_bytes, used_bytes
from desktop_app.engine.model import site_hook
from desktop_app.methods.generating import grow, needed_bytes, scored
from desktop_app.methods.prepare import equal_length_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import RunName
    from desktop_app.engine.decoding import Changes, Pass
    from desktop_app.engine.model import HookFn
    from desktop_app.methods.generating import Grown

_SHARE_OF_SCORES = 0.08
_SHARE_OF_MEMORY = 0.25  # of the budget: what the logits of all steps may take
_SCORED_AT_ONCE = 64


def generate(study: Study, report: Reporter, besides: int = 0) -> None:
    """Let all continuations of a study grow, and read them once more.

    Args:
        study: The study; it is told.
        report: Told after every token; may cancel.
        besides: The memory that parts beside the texts take later.

    Raises:
        Cancelled: What is there by then stays in the study.
    """
    pieces = list(_pieces(study))
    total = sum(len(prompts) * len(names) for names, prompts in pieces)
    growth = ShareReporter(report, 0.0, 1 - _SHARE_OF_SCORES)
    report.needs(max(_needed(study, pieces), used_bytes(study.model.device) + besides))
    done = 0
    for names, prompts in pieces:
        own = len(prompts) * len(names)
        share = ShareReporter(growth, done / total, own / total)
        _grow(study, names, prompts, share)
        done += own
    known_scores(study)
    _score(study, ShareReporter(report, 1 - _SHARE_OF_SCORES, _SHARE_OF_SCORES))


def _needed(study: Study, pieces: Sequence[tuple[Sequence[RunName], Sequence[int]]]) -> int:
    """Return the memory of the process (or on the GPU) at the peak of all this."""
    on_cpu = study.model.device.type == "cpu"  # where what is kept lies
    most = 0
    for names, prompts in pieces:
        runs = [study.run(name, prompts) for name in names]
        kept = _kept_bytes(study) * len(prompts) if on_cpu and "steered" in names else 0
        most = max(most, needed_bytes(study.model, runs, study.growing) + kept)
    if on_cpu and study.keeps_base:
        most += 4 * study.model.info.d_vocab * len(study.texts)
    return used_bytes(study.model.device) + most


def _kept_bytes(study: Study) -> int:
    """Return what the logits of all steps of a prompt take, in float32."""
    return 4 * study.model.info.d_vocab * study.params.max_new_tokens


def _pieces(study: Study) -> Iterator[tuple[tuple[RunName, ...], list[int]]]:
    """Yield which continuations of which prompts grow together."""
    together = tuple(name for name in study.names if name != "said")
    yield from ((together, some) for some in _shared(study, study.texts))
    if study.said:
        yield from ((("said",), some) for some in _shared(study, [s.ids for s in study.said]))


def _shared(study: Study, texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the prompts that grow together: by length, and no more than are kept at once."""
    most = len(texts)
    if study.acts:
        most = max(1, int(_SHARE_OF_MEMORY * budget_bytes(study.model)) // _kept_bytes(study))
    if study.params.padding != "none":
        return [list(range(i, min(i + most, len(texts)))) for i in range(0, len(texts), most)]
    return equal_length_groups([len(text) for text in texts], most)


def _grow(study: Study, names: tuple[RunName, ...], prompts: list[int], report: Reporter) -> None:
    """Let continuations of some prompts grow, and compare the steered ones with a full pass."""
    runs = [study.run(name, prompts) for name in names]
    heard = Heard(study, names, prompts)
    growing = replace(study.growing, check=report.check, logits=heard)
    if "steered" in names:
        steered = names.index("steered")
        watch = partial(_watch, study=study, prompts=prompts)
        runs[steered] = replace(runs[steered], changes=_watched(runs[steered].changes, watch))
    whose = _whose(study, prompts)

    def told(share: float, step: int, grown: list[list[Grown]]) -> None:
        for name, rows in zip(names, grown, strict=True):
            for prompt, one in zip(prompts, rows, strict=True):
                study.grown[name][prompt] = one
        report.partial(Strips(study))
        report.step(share, f"Token {step} of {growing.steps}{whose}")

    report.step(0.0, f"Reading the prompt{'s' if len(prompts) > 1 else ''}")
    grow(study.model, runs, study.acts.layers, growing, told)
    if "steered" in names:
        recompute(study, prompts, heard.kept, CheckingReporter(report))


def _whose(study: Study, prompts: Sequence[int]) -> str:
    count = len(study.texts)
    if count == 1:
        return ""
    if len(prompts) == 1:
        return f", prompt {prompts[0] + 1} of {count}"
    return f", {len(prompts)} of {count} prompts"


def _watched(changes: Changes, watch: Any) -> Changes:
    return replace(changes, watch=watch)


def _watch(this: Pass, *, study: Study, prompts: Sequence[int]) -> list[tuple[str, HookFn]]:
    """Return the hook that notes the shape of the first place's tensor at a step."""
    place = study.acts.places[0]

    def note(x: torch.Tensor, hook: object) -> None:
        # OPT joins rows and positions to one axis.
        own = x.shape[1:] if x.ndim > 2 else (len(x) // len(this.rows), x.shape[-1])
        for row in this.rows:
            study.shapes.setdefault(prompts[row], {})[this.step] = [1, *own]

    return [(site_hook(*place), note)]


def keep_given(study: Study) -> int:
    """Put what continuations begin with where a stop came before it was read.

    Such tokens have no numbers: no step has come to them.

    Returns:
        How many there are.
    """
    unread = 0
    for (name, prompt), begin in study.begin.items():
        one = study.grown[name][prompt]
        if one.broken is None:
            left = begin[len(one.ids) :]
            one.ids += left
            one.logprobs += [float("nan")] * len(left)
            one.top += [[] for _token in left]
            unread += len(left)
    return unread


def known_scores(study: Study) -> None:
    """Note what the plain model gives tokens, as far as it has said the same so far itself."""
    plain = study.grown["plain"]
    for name, rows in study.grown.items():
        for prompt, one in enumerate(rows):
            if name == "plain":
                study.plain_logprobs[name, prompt] = list(one.logprobs)
                continue
            if one.ids and len(study.plain_logprobs.get((name, prompt), ())) == len(one.ids):
                continue  # all of them have been asked for already
            same = list[float]()
            for token, own, logprob in zip(
                one.ids, plain[prompt].ids, plain[prompt].logprobs, strict=False
            ):
                if token != own:
                    break
                same.append(logprob)
            study.plain_logprobs[name, prompt] = same


def _score(study: Study, report: Reporter) -> None:
    """Ask the plain model for what it gives the tokens of all other continuations.

    Behind the prompt alone: an instruction that was said is none of its own words.
    """
    wanted = [
        (name, prompt)
        for name, rows in study.grown.items()
        for prompt, one in enumerate(rows)
        if len(study.plain_logprobs[name, prompt]) < len(one.ids)
    ]
    for start in range(0, len(wanted), _SCORED_AT_ONCE):
        report.step(start / len(wanted), "Reading the texts with the plain model")
        some = wanted[start : start + _SCORED_AT_ONCE]
        texts = [study.texts[prompt] for _name, prompt in some]
        new = [study.grown[name][prompt].ids for name, prompt in some]
        for key, found in zip(some, scored(study.model, texts, new), strict=True):
            known = study.plain_logprobs[key]
            study.plain_logprobs[key] = [*known, *found[len(known) :]]


class Strips(Mapping[str, Any]):
    """What has been said so far, as fields of the result; made when somebody looks."""

    def __init__(self, study: Study) -> None:
        self._study = study

    @override
    def __getitem__(self, name: str) -> Any:
        for known in self._study.names:
            if known == name:
                return strips(self._study, known)
        raise KeyError(name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._study.names)

    @override
    def __len__(self) -> int:
        return len(self._study.names)
