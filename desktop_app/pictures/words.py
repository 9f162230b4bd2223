"""Words and numbers as the views write them: heads, prompts, settings, provenance. No Qt."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.result import EARLIER_TOKENIZER, is_of_earlier_pack
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.contract.spec import Analysis

MINUS = "−"
WITHHELD = "–"
MOST_CHARACTERS = 2_000
"""Longer texts are cut wherever they are shown: laying them out would hold the window up."""
ABOUT = "≈"
NOT_COMPUTED = "Not computed: the run was stopped before it."
_FLAG = re.compile(r"--([a-z][a-z-]*)")
_CODE = re.compile(r"\b[a-z]+(_[a-z]+)+\b")
# What a message quotes, and paths: names of files may hold codes, and must stay what they are.
_AS_IT_STANDS = re.compile(r"“[^“”]*”|(?<![^\s(])[^\s“”(]*[/\\][^\s“”]*")
# What options are called in the window where that is not their name.
_OPTIONS = {
    "bos": "BOS",
    "dtype": "precision",
    "layernorm": "LayerNorm",
    "mode": "replacement",
    "site": "activation",
    "reference": "reference prompts",
    "seq-len": "tokens repeated",
    "value-weighted": "value-weighted",
    "no-first": "without first position",
    "preview": "estimate only",
    "difference": "clean − corrupt",
    "mean": "mean over prompts",
    "ov": "copying circuit",
    "card": "circuit card",
    "from": "From",
    "to": "To",
    "elsewhere": "Vector elsewhere",
    "out-vector": "Save vector",
    "pattern": "painted pattern",
    "prompts": "a prompt table",
    "with-dtype": "its precision",
    "with-layernorm": "its norms",
    "with-weights": "its weights",
    "norm-steps": "norms step by step",
    "max-new-tokens": "new tokens",
    "ignore-eos": "ignore end",
    "say": "just say it",
}
# The sign of a number that is nothing, and what a number may begin with: a width of spaces.
_SIGNED_NOTHING = re.compile(r"^(\s*)[+-](?=[0.]+([^\d.]|$))")
_DOTTED = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?![\w.])")
_PLAIN_RANGE = re.compile(r"(0|[1-9]\d*):(0|[1-9]\d*)")
ENOUGH, NEEDED = "enough (denoising)", "needed (noising)"
"""The two questions of patching: clean put into the corrupt run, corrupt into the clean one."""
SITES = {
    "resid_pre": "residual stream before the block",
    "resid_mid": "residual stream between attention and MLP",
    "resid_post": "residual stream after the block",
    "attn_out": "attention output",
    "mlp_out": "MLP output",
    "head_z": "head output (z)",
    "head_q": "head queries (q)",
    "head_k": "head keys (k)",
    "head_v": "head values (v)",
    "pattern": "attention pattern",
}
"""What each site of a model is called, wherever a person reads it."""
# Codes of notices whose letters alone say too little; `{}` of others are their words.
_NOTICES = {
    "means_pooled": "means over all positions",
    "family_left_out": "words of several tokens not scored",
    "patterns_left_out": "patterns not kept",
    "not_roundtrip": "text does not come back",
    "task_not_done": "answer not on top",
    "rows_not_one": "rows do not sum to 1",
    "layernorm_removed": "without LayerNorm",
    "sum_differs": "parts do not quite sum up",
    "targets_mixed": "means mix differences and logits",
    "candidate_length": "not as many tokens",
    "candidate_beside": "more tokens change",
    "candidate_space": "leading space differs",
    "candidate_uncounted": "not in the text",
    "position_cached": "position lives in the cache",
    "cache_forgets": "forgotten without the cache",
    "constant_logits": "all logits equal",
    "place_unused": "nothing done there",
    "setting_unused": "nothing to act on",
    "not_recomputed": "not read in one pass",
}
METRIC_NAMES = {
    "logit_diff": "logit difference",
    "logit": "logit of the answer",
    "logprob": "log-probability of the answer",
    "prob": "probability of the answer",
    "rank": "rank of the answer",
    "loss": "loss",
    "kl": "KL divergence",
}
# What values of settings are called that several analyses have. A field of Params says its own in
# `json_schema_extra`: `words`, by value, `{}` standing for it and the empty text for all others;
# `counted`, the noun of what a number counts; `numbered`, that of what it picks, from 0.
_SHARED_WORDS = {
    "metric": METRIC_NAMES,
    "heads": {":": "all heads"},
    "positions": {"all": "all positions"},
}
# The choices of a form as a newcomer reads them; the field's own terms stay in the tooltips.
_LABELS = {
    **SITES,
    "attn": "attention",
    "mlp": "MLP",
    "layer0": "after layer 0",
    "mlp0": "through MLP 0",
    "logit_diff": "logit difference",
    "logit": "logit of the answer",
    "logprob": "log-probability",
    "prob": "probability",
    "rank": "rank of the answer",
    "kl": "KL divergence",
    "denoise": ENOUGH,
    "noise": NEEDED,
    "position": "one at a time",
}


def metric_name(result: Result) -> str:
    """Return the metric of a result in words."""
    name = str(result.params.get("metric", "logit_diff"))
    return METRIC_NAMES.get(name, name)


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number with a true minus sign; a dash where it is missing."""
    if value is None or math.isnan(value):
        return WITHHELD
    return written(f"{{:{'+' if sign else ''}.{digits}f}}", value)


def written(form: str, value: float) -> str:
    """Write a number by a format such as `{:+.3f}`: with a true minus sign, and never as −0.00."""
    return _SIGNED_NOTHING.sub(r"\1", form.format(value)).replace("-", MINUS)


def percent(value: float | None) -> str:
    """Write a percentage with one decimal; a dash where it is withheld."""
    text = number(value, 1)
    return text if text == WITHHELD else f"{text} %"


def probability(value: float) -> str:
    """Write a probability so that small ones stay readable."""
    return written("{:.3f}" if value >= 0.0005 or value == 0 else "{:.0e}", value)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 token`, `7 tokens`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def of_all(values: np.ndarray, noun: str) -> str:
    """Write how many of the values there are: `12 of 24 cells`."""
    return f"{int(np.isfinite(values).sum()):,} of {plural(values.size, noun)}"


def stopped_words(known: str) -> str:
    """Return the end of a heading that says how far a run came that was stopped."""
    return f" · stopped at {known}" if known else " · stopped before any exact value"


def part_name(layer: int, head: int | None = None, component: str = "head") -> str:
    """Name a head or a layer's part as the field does: `L5H3`, `L5 MLP`."""
    if head is not None:
        return f"L{layer}H{head}"
    return f"L{layer} {'MLP' if component == 'mlp' else 'attention'}"


def place_name(row: tuple[str, str], column: tuple[str, str]) -> str:
    """Name a cell of a map by its axes and labels: `L5H3` where they are a layer and a head."""
    there = dict((row, column))
    if there.keys() == {"Layer", "Head"} and all(text.isdecimal() for text in there.values()):
        return part_name(int(there["Layer"]), int(there["Head"]))
    return " · ".join(f"{name} {label}".strip() for name, label in (row, column))


def dotted_name(text: str) -> str:
    """Write heads that a setting lists, `5.3,16.0`, as they are called: `L5H3, L16H0`."""
    parts = (part.strip() for part in text.split(","))
    return ", ".join(_DOTTED.sub(r"L\1H\2", part) for part in parts if part)


def layers_words(text: str) -> str:
    """Write a range of layers as a person would: `:` as all layers, `0:4` as layers 0 to 3."""
    first, colon, end = (part.strip() for part in text.partition(":"))
    if not colon:
        return f"layer {first}".replace("-", MINUS)
    if not first and not end:
        return "all layers"
    if end.isdecimal() and not first.startswith("-"):
        last = int(end) - 1
        return f"layer {last}" if int(first or 0) == last else f"layers {first or 0} to {last}"
    told = [f"from layer {first}"] if first else []
    told += [f"up to layer {end}, without it"] if end else []
    return " ".join(told).replace("-", MINUS)


def spelled(value: str, spelling: str) -> str:
    """Write a setting that lists `layers` or `heads` as the window says it.

    Read again it is the same to the letter; what would not be stays as it is.
    """
    if spelling == "heads":
        return _DOTTED.sub(r"L\1H\2", value)
    if spelling == "layers" and value == ":":
        return layers_words(value)
    ends = _PLAIN_RANGE.fullmatch(value) if spelling == "layers" else None
    return f"{ends[1]} to {int(ends[2]) - 1}" if ends and int(ends[2]) > int(ends[1]) + 1 else value


def random_tokens(settings: Mapping[str, Any]) -> str:
    """Say what was made in place of prompts: `30 × 50 random tokens, seed 0`."""
    size, seed = settings.get("seq_len"), settings.get("seed")
    return f"{settings.get('batch')} × {size} random tokens, seed {seed}"


def shorten(text: str, limit: int) -> str:
    """Shorten a text from its start, where prompts differ least; the end is what is read."""
    return text if len(text) <= limit else "…" + text[-(limit - 1) :]


def clipped(text: str, limit: int = MOST_CHARACTERS) -> str:
    """Cut the end off a text that is longer than anybody reads, as strangers' files hold them."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def prompt_title(prompt: PromptRecord, index: int, limit: int = 40) -> str:
    """Name a prompt by its number, counted from 1 as in the table, and its visible text."""
    return f"{index + 1} · {shorten(display_text(prompt.text), limit)}"


def tail(texts: tuple[str, ...], end: int, count: int = 4) -> str:
    """Return the last few tokens before `end` as visible text, `…` in front where more precede."""
    start = max(0, end - count)
    shown = "".join(display_text(text) for text in texts[start:end])
    return ("…" if start else "") + shown


def settings_sentence(params: Params) -> str:
    """Sum up an analysis' own settings in one line, such as `head · zero · all positions`."""
    fields, idle = type(params).own_fields(), params.idle()
    parts = [
        setting_words(name, field, getattr(params, name))
        for name, field in fields.items()
        if name not in idle
    ]
    return " · ".join(part for part in parts if part) or "default settings"


def run_words(analysis: Analysis) -> str:
    """Return what a button that runs an analysis says."""
    return f"Run {analysis.noun or analysis.title.lower()}"


def setting_words(name: str, field: Any, value: Any) -> str:
    """Say one setting in words; an empty text where there is nothing to say."""
    title, extra = str(field.title or name).lower(), field.json_schema_extra or {}
    if isinstance(value, bool):
        return title if value else ""
    if isinstance(value, (list, tuple)):  # a result's settings hold lists
        return _several_words(title.rstrip("s"), extra, value) if value else ""
    if name == "layers":
        return layers_words(str(value))
    if extra.get("spelling") == "heads":
        value = dotted_name(str(value))
    if extra.get("spelling") == "layers" and str(value).count(":") == 1:
        value = layers_words(str(value))
    words = extra.get("words") or _SHARED_WORDS.get(name, {})
    # The empty list of heads means all of them, an empty text elsewhere that nothing was asked.
    known = words.get(str(value) or ":", words.get("") if value != "" else None)
    counted = plural(value, extra["counted"]) if "counted" in extra else ""
    if known is not None:
        amount = f"{value:,}" if isinstance(value, int) else choice_label(value)
        return str(known).format(counted or amount)
    if counted or value in ("", None):
        return counted
    told = f"{extra['numbered']} {value + 1}" if "numbered" in extra else f"{title} {value}"
    return told.replace("-", MINUS) if isinstance(value, int) else told


def _several_words(title: str, extra: Mapping[str, Any], values: Sequence[Any]) -> str:
    """Say a setting of several values: its numbers, or how many there are."""
    if extra.get("listed"):
        return f"{title} {', '.join(written('{:.6g}', value) for value in values)}"
    return plural(len(values), extra.get("counted", title))


def seconds(value: float) -> str:
    """Write a duration."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min"


def provenance_sentence(result: Result) -> str:
    """Return the small print: model, where and how it ran, BOS, weights, cost."""
    model, origin = result.model, result.provenance
    parts = [model.label, str(model.device), str(model.dtype)]
    if is_of_earlier_pack(model):
        parts.insert(1, EARLIER_TOKENIZER)
    bos = origin.get("bos")
    if bos is not None:
        parts.append(_bos(bos))
    parts.append(f"{origin.get('weights', model.weights)} weights")
    parts.append(seconds(result.timing.seconds))
    if result.timing.forward_passes:
        passes = result.timing.forward_passes
        parts.append(f"{passes:,} forward pass{'' if passes == 1 else 'es'}")
    return " · ".join(parts)


def _bos(value: object) -> str:
    text = str(value).lower()
    if text in {"added", "yes", "true"}:
        return "with BOS"
    return "without BOS" if text in {"not added", "no", "false"} else f"BOS {value}"


def without_flags(message: str) -> str:
    """Return a message with options and codes as the form says them: `--dtype` as precision.

    Messages name options because the command line says them, too. Quoted texts and paths stay.
    """
    said, end = [], 0
    for kept in _AS_IT_STANDS.finditer(message):
        said += [_said_in_form(message[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*said, _said_in_form(message[end:])])


def _said_in_form(message: str) -> str:
    told = _FLAG.sub(lambda match: _OPTIONS.get(match[1], match[1].replace("-", " ")), message)
    return _CODE.sub(lambda match: _LABELS.get(match[0], match[0]), told)


def choice_label(value: object, setting: str = "") -> str:
    """Return a choice as it is shown: `resid_pre` as `stream before block`.

    Of a setting that is named and is no metric, a word that is also a metric's stays as it is.
    """
    if value is None:
        return "none"
    if setting not in {"", "metric"} and str(value) in METRIC_NAMES:
        return str(value)
    return _LABELS.get(str(value), str(value).replace("_", " "))


def notice_words(code: str) -> str:
    """Return what a chip says of a notice: its code in words, of some in plainer ones."""
    return _NOTICES.get(code, code.replace("_", " "))


def choice_term(value: object) -> str:
    """Return the field's own term for a choice that is shown in other words, or an empty text."""
    return str(value) if str(value) in _LABELS else ""
