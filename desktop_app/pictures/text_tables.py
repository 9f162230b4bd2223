"""Results as plain text tables, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.lab_tables import compose_lines, detect_lines, repeat_lines
from desktop_app.pictures.patch_tables import hand_patch_lines, patch_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from desktop_app.contract.result import Result

_TOP = 10


def as_text(result: Result) -> str:
    """Return a result as readable text: its model and its most telling table."""
    model = result.model
    head = f"{result.analysis} · {model.name} · {model.device} · {model.dtype} · {model.weights}"
    body = _TABLES.get(result.analysis, _fields)(result)
    return "\n".join([head, *body])


def show_space(text: str) -> str:
    """Return a token's text with what cannot be seen drawn."""
    drawn = text.replace(" ", "␠").replace("\n", "↵").replace("\t", "⇥").replace("\r", "␍")
    return drawn or "∅"


def _tokens(result: Result) -> Iterator[str]:
    for index, prompt in enumerate(result.prompts):
        yield f"prompt {index + 1}: {len(prompt.tokens)} tokens, read at {prompt.read_position}"
        yield " ".join(
            f"{show_space(text)}({token})"
            for text, token in zip(prompt.tokens.texts, prompt.tokens.ids, strict=True)
        )
        for row in result.data.get("padding_demo", [()] * len(result.prompts))[index]:
            mark = "agrees" if row["agrees"] else "differs"
            yield (
                f"  {row['case']:<36} {show_space(row['top']['text']):<10} "
                f"p {row['top']['prob']:.3f}  Δ {row['max_logit_difference']:.2e}  {mark}"
            )


def _rank(result: Result) -> Iterator[str]:
    for index, prompt in enumerate(result.prompts):
        yield f"prompt {index + 1}: “{prompt.text}”, read at position {prompt.read_position}"
        for rank, row in enumerate(result.data["top"][index]):
            yield (
                f"  {rank:>3}  {show_space(row['text']):<14} {row['id']:>7}"
                f"  logit {row['logit']:8.3f}  logprob {row['logprob']:8.3f}  p {row['prob']:.3f}"
            )
        for kind in ("answers", "wrong"):
            for entry in result.data[kind][index]:
                yield from _answer(kind, entry)
        difference = result.data["logit_diff"][index]
        if np.isfinite(difference):
            yield f"  logit difference {difference:.3f}"


def _answer(kind: str, entry: dict[str, Any]) -> Iterator[str]:
    total = entry["logprob_total"]
    yield f"  {kind.removesuffix('s')} “{entry['text']}”, log-probability {total:.3f}"
    for number, row in enumerate(entry["rows"]):
        yield (
            f"    token {number} {show_space(row['text']):<10} {row['id']:>7}"
            f"  rank {row['rank']:>6}  logit {row['logit']:8.3f}  p {row['prob']:.3f}"
        )


def _ablate(result: Result) -> Iterator[str]:
    data, component = result.data, result.params["component"]
    metric = result.params["metric"]
    yield f"{metric} untouched {data['base_mean']:.3f}; replaced by {data['mode']}"
    yield f"kept in every run: {data['kept']}"
    effect = np.asarray(data["effect_mean"])
    percent = np.asarray(data["percent_mean"])
    for flat in np.argsort(np.where(np.isfinite(effect), effect, np.inf), axis=None)[:_TOP]:
        place = np.unravel_index(flat, effect.shape)
        layer = int(data["layers"][place[0]])
        name = f"L{layer}H{place[1]}" if component == "head" else f"L{layer} {component}"
        share = percent[place]
        kept = "withheld" if not np.isfinite(share) else f"{share:6.1f} %"
        yield f"  {name:<10} effect {effect[place]:+9.3f}   keeps {kept}"


def _attention(result: Result) -> Iterator[str]:
    layers, heads = result.data["layers"], result.data["head_indices"]
    for index, prompt in enumerate(result.prompts):
        texts, read = prompt.tokens.texts, prompt.read_position
        yield f"prompt {index + 1}: where each head looks most from “{show_space(texts[read])}”"
        pattern = result.data["pattern"][index]
        for row, layer in enumerate(layers):
            cells = []
            for column, head in enumerate(heads):
                weights = np.asarray(pattern[row, column])[read]
                best = int(weights.argmax())
                cells.append(f"H{head} {show_space(texts[best])}@{best} {weights[best]:.2f}")
            yield f"  L{layer}: " + " · ".join(cells)


def _fields(result: Result) -> Iterator[str]:
    for name, value in result.data.items():
        shape = getattr(value, "shape", None)
        yield f"  {name}: {value if shape in {None, ()} else list(shape)}"


_TABLES: dict[str, Callable[[Result], Iterator[str]]] = {
    "tokens": _tokens,
    "rank": _rank,
    "ablate": _ablate,
    "attention": _attention,
    "patch": patch_lines,
    "hand_patch": hand_patch_lines,
    "detect": detect_lines,
    "repeat": repeat_lines,
    "compose": compose_lines,
}
