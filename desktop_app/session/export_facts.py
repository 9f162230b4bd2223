"""What a script must know of a result: model, prompts and settings as plain, checked values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compose.spec import KINDS
from desktop_app.analyses.hand_patch.spec import parse_move
from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE
from desktop_app.contract.grammar import resolve_heads, resolve_pair
from desktop_app.session.export_literals import Code
from desktop_app.support.errors import BadInputError
from desktop_app.text.families import choose_families

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import AnswerRecord, PromptRecord, Result

_DTYPES = frozenset({"float32", "float16", "bfloat16", "float64"})
_DEVICE = re.compile(r"cuda(:\d+)?\Z", re.ASCII)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*\Z", re.ASCII)
_VERSIONS = ("lensbench", "torch", "transformers", "transformer_lens", "python", "created")
# Below this a base is too near zero for a percentage; metrics without one never have percentages.
_FLOORS = {"logit_diff": 0.01, "logit": 0.01, "loss": 1e-6, "prob": 1e-6}


def context(result: Result, params: Params) -> dict[str, Any]:
    """Return the values that the templates print.

    Raises:
        BadInputError: The result is damaged, or of a kind that cannot be repeated.
    """
    try:
        shared = _shared(result, params)
        own: Callable[[Result, Any], dict[str, Any]] = _OWN[result.analysis]
        return shared | own(result, params)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(
            f"No script can be written: the result is incomplete ({error}); export it as .json."
        ) from error


def _shared(result: Result, params: Params) -> dict[str, Any]:
    model = result.model
    if model.dtype not in _DTYPES:
        raise BadInputError(f"No script can be written for numbers of type {model.dtype[:20]!r}.")
    source = model.name if _HUB_ID.match(model.name) else model.source
    made_with = {k: str(v) for k in _VERSIONS if (v := result.provenance.get(k)) is not None}
    return {
        "model": str(source),
        "gguf": str(source).lower().endswith(".gguf"),
        "dtype": Code(model.dtype),
        "device": model.device if _DEVICE.match(model.device) else _fallback(model.device),
        "processed": model.weights == "processed",
        # Chat templates bring their own BOS, and the recorded texts are the expanded ones.
        "bos": "no" if params.chat and params.bos == "auto" else params.bos,
        "prompts": [_prompt(p) for p in result.prompts],
        "settings": _settings(params),
        "made_with": {"model": str(model.name), "fingerprint": str(model.fingerprint), **made_with},
        "needs_model": True,
        "sequences": None,
        "compare": "",
        "softmax_inputs": False,
    }


def _fallback(device: str) -> str:
    return "mps" if device.startswith("mps") else "cpu"


def _prompt(record: PromptRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "text": record.text,
        "ids": _ids(record.tokens.ids),
        "read_position": int(record.read_position),
    }
    if record.corrupt_tokens is not None:
        found["corrupt"] = record.corrupt_text
        found["corrupt_ids"] = _ids(record.corrupt_tokens.ids)
    found["answers"] = [_answer(a) for a in record.answers]
    found["wrongs"] = [_answer(w) for w in record.wrongs]
    found["answer_ids"] = [int(a.token_id) for a in record.answers]
    found["wrong_ids"] = [int(w.token_id) for w in record.wrongs]
    return found


def _answer(answer: AnswerRecord) -> dict[str, Any]:
    return {"text": answer.text, "ids": _ids(answer.tokens.ids)}


def _ids(ids: tuple[int, ...]) -> list[int]:
    return [int(i) for i in ids]


def _settings(params: Params) -> dict[str, Any]:
    return params.model_dump(mode="json", exclude={"prompts"})


def _numbers(result: Result, name: str) -> list[int]:
    return [int(n) for n in np.asarray(result.data[name])]


def _layers(result: Result) -> list[int]:
    """Return the swept layers, each of which the model must have."""
    layers = _numbers(result, "layers")
    if not layers or not all(0 <= n < result.model.n_layers for n in layers):
        raise ValueError("its layers are not the model's")
    return layers


def _tokens(_result: Result, params: Any) -> dict[str, Any]:
    float32 = _result.model.dtype == "float32"
    return {
        "needs_model": params.padding_demo,
        "compare": params.compare,
        "compare_gguf": params.compare.lower().endswith(".gguf"),
        "padding_demo": params.padding_demo,
        "agrees": 1e-3 if float32 else 0.5,
    }


def _rank(_result: Result, params: Any) -> dict[str, Any]:
    return {"top": params.top}


def _ablate(result: Result, params: Any) -> dict[str, Any]:
    mode = str(result.data["mode"])
    if mode not in {"zero", "mean", "resample"}:
        raise ValueError(f"its mode is {mode!r}")
    positions = params.positions
    if positions not in {"all", "last"}:
        positions = [int(p) for p in positions.split(",")]
    return {
        "component": params.component,
        "estimated": bool(result.data.get("estimated", False)),
        "mode": mode,
        "metric": params.metric,
        "positions": positions,
        "layers": _layers(result),
        "reference": list(params.reference),
        "chat": params.chat,
        "floor": _FLOORS.get(params.metric),
    }


def _attention(result: Result, params: Any) -> dict[str, Any]:
    names = ("no_first", "value_weighted", "scores", "difference", "mean")
    return {
        "layers": _layers(result),
        "heads": _numbers(result, "head_indices"),
        **{name: bool(getattr(params, name)) for name in names},
        "softmax_inputs": bool(params.scores),
    }


def _patch(result: Result, params: Any) -> dict[str, Any]:
    estimated = bool(result.data.get("estimated", False))
    heads = None
    if params.site in HEADED:
        model = result.model
        heads = list(range(model.n_kv_heads if params.site in KEY_VALUE else model.n_heads))
    shown = {"denoise": ["restored"], "noise": ["broken"]}.get(
        params.direction, ["restored", "broken", "asymmetry"]
    )
    patched = {"restored": "patched_denoise", "broken": "patched_noise"}
    return {
        "site": params.site,
        "by": params.by,
        "metric": params.metric,
        "estimated": estimated,
        "layers": _layers(result),
        "heads": heads,
        "shown": shown,
        "columns": [*(patched[name] for name in shown if name in patched), *shown],
    }


def _hand_patch(result: Result, params: Any) -> dict[str, Any]:
    hooks = {"resid_pre": "hook_in", "resid_post": "hook_out"}
    moves = [parse_move(text) for text in params.moves]
    if not all(0 <= m.target[0] < result.model.n_layers for m in moves):
        raise ValueError("its moves name layers that the model lacks")
    if result.prompts[params.pair].corrupt_tokens is None:
        raise ValueError("its prompt has no twin")
    return {
        "pair": params.pair,
        "run": params.run,
        "metric": params.metric,
        "top": params.top,
        "n_layers": int(result.model.n_layers),
        "moves": [(m.run, hooks.get(m.site, f"hook_{m.site}"), m.source, m.target) for m in moves],
    }


def _repeat(result: Result, params: Any) -> dict[str, Any]:
    sites = {"mlp": "hook_mlp_out", "attn": "hook_attn_out"}
    return {
        "sequences": _sequences(result),
        "seq_len": params.seq_len,
        "sites": {n: hook for n, hook in sites.items() if f"{n}_effect" in result.data},
        "effect_sequences": int(result.data.get("effect_sequences", 0)),
    }


def _detect(result: Result, params: Any) -> dict[str, Any]:
    if params.seeds > 1:
        raise BadInputError(
            "A result over several seeds has no script, as it holds the sequences of the first "
            "alone: run with --seeds 1, or export it as .npz."
        )
    families = choose_families(params.families)
    return {
        "sequences": _sequences(result) if params.on == "random" else None,
        "seq_len": params.seq_len,
        "whole_diagonal": params.whole_diagonal,
        "embedding": params.embedding,
        "target": [list(row) for row in params.pattern],
        "keep_patterns": "pattern" in result.data,
        "lead": int(result.data["embedding_lead"]["id"]),
        "families": {f.name: {"members": list(f.members), "cyclic": f.cyclic} for f in families},
    }


def _compose(result: Result, params: Any) -> dict[str, Any]:
    model = result.model
    shape = (model.n_layers, model.n_heads)
    pair = None
    if params.full_circuit:
        pair = [tuple(h) for h in resolve_pair(params.full_circuit, *shape, "--full-circuit")]
    copying = resolve_heads(params.ov, *shape, "--ov")
    lead = result.data.get("lead")
    return {
        "fold": params.fold,
        "kinds": KINDS if params.kind == "all" else (params.kind,),
        "seed": params.seed,
        "pair": pair,
        "ov": copying[0] if copying else None,
        "embedding": params.embedding,
        "tokens": params.tokens,
        "lead": None if lead is None else int(lead["id"]),
    }


def _sequences(result: Result) -> list[list[int]]:
    return [_ids(p.tokens.ids) for p in result.prompts]


_OWN: dict[str, Callable[[Result, Any], dict[str, Any]]] = {
    "tokens": _tokens,
    "rank": _rank,
    "ablate": _ablate,
    "attention": _attention,
    "patch": _patch,
    "hand_patch": _hand_patch,
    "repeat": _repeat,
    "detect": _detect,
    "compose": _compose,
}
