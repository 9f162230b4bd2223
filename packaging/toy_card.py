"""Measures the toy model and writes its card.

Everything is measured with plain transformers on rows that training never saw: fresh random tokens,
and sequences whose first member never began a sequence in training.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from toy_card_text import card_text
from toy_data import HELD_OUT_STARTS, listing, ordered
from toy_tokenizer import FAMILIES, read_vocabulary
from transformers import AutoModelForCausalLM, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toy_tokenizer import Vocabulary

Head = tuple[int, int]
EVALUATION_SEED = 20_001
SEQUENCES, STRETCH, LONG_STRETCH = 64, 50, 120
LENGTHS = (3, 4, 5, 6)
ROLE_SCORE = 0.5
ROLE_DROP = 0.1  # of the intact logit difference
PATTERNS = ("previous_token", "induction", "duplicate_token", "first_token", "current_token")


class Bench:
    """A loaded toy model with the rows it is measured on.

    Attributes:
        shape: Layers and heads per layer.
        parameters: Number of weights.
        tokens: Size of the vocabulary.
        repeats: `BOS r r`, int64 `[64, 101]`.
        long_repeats: The same with a long `r`, int64 `[16, 241]`.
        prompts: Groups of equal token length: ids `[n, tokens]`, the next member and the last one
            shown `[n, 2]`, families `[n]`.
    """

    def __init__(self, folder: Path) -> None:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
        vocabulary = read_vocabulary(tokenizer)
        self.shape = (self._model.config.n_layer, self._model.config.n_head)
        self.tokens = len(tokenizer)
        self.parameters = sum(weight.numel() for weight in self._model.parameters())
        rng = np.random.default_rng(EVALUATION_SEED)
        self.repeats = repeat_rows(vocabulary, rng, SEQUENCES, STRETCH)
        self.long_repeats = repeat_rows(vocabulary, rng, SEQUENCES // 4, LONG_STRETCH)
        self.prompts = [
            next_item_rows(vocabulary, items, commas=commas)
            for items in LENGTHS
            for commas in (False, True)
        ]

    @contextmanager
    def ablated(self, heads: list[Head], mode: str) -> Iterator[None]:
        """Replace the outputs of heads (before the output matrix) by zero or by their mean.

        The mean is taken over the rows of the batch, per position.
        """
        handles = []
        for layer in sorted({layer for layer, _ in heads}):
            chosen = [head for at, head in heads if at == layer]
            projection = self._model.transformer.h[layer].attn.c_proj
            handles.append(projection.register_forward_pre_hook(self._replacer(chosen, mode)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _replacer(self, chosen: list[int], mode: str) -> Any:
        n_heads = self.shape[1]

        def replace(_module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            split = inputs[0].reshape(*inputs[0].shape[:2], n_heads, -1).clone()
            mean = split.mean(dim=0, keepdim=True) if mode == "mean" else torch.zeros_like(split)
            split[:, :, chosen] = mean[:, :, chosen].expand_as(split[:, :, chosen])
            return (split.flatten(-2),)

        return replace

    @torch.no_grad()
    def repeat_figures(self, rows: torch.Tensor) -> dict[str, float]:
        """Return top-1 accuracy and mean log-probability of each half of `BOS r r`."""
        length = rows.shape[1] // 2
        logprobs = self._model(rows).logits[:, :-1].log_softmax(-1)
        targets = rows[:, 1:]
        right = (logprobs.argmax(-1) == targets).float()
        taken = logprobs.gather(-1, targets[..., None])[..., 0]
        return {
            "sequences": len(rows),
            "seq_len": length,
            "ceiling": (length - 1) / length,
            "accuracy_first": float(right[:, :length].mean()),
            "accuracy_second": float(right[:, length:].mean()),
            "logprob_first": float(taken[:, :length].mean()),
            "logprob_second": float(taken[:, length:].mean()),
        }

    @torch.no_grad()
    def next_item_figures(self) -> dict[str, float]:
        """Return top-1 accuracy of the next member, per family and over all prompts.

        `logit_diff` is the mean of logit(next member) − logit(last member shown).
        """
        right: list[float] = []
        differences: list[float] = []
        families: list[str] = []
        for ids, pairs, names in self.prompts:
            logits = self._model(ids).logits[:, -1]
            right += (logits.argmax(-1) == pairs[:, 0]).float().tolist()
            taken = logits.gather(-1, pairs)
            differences += (taken[:, 0] - taken[:, 1]).tolist()
            families += names
        table = {"all": float(np.mean(right)), "logit_diff": float(np.mean(differences))}
        for family in FAMILIES:
            hits = [hit for hit, name in zip(right, families, strict=True) if name == family]
            table[family] = float(np.mean(hits))
        return table

    @torch.no_grad()
    def pattern_scores(self) -> dict[str, torch.Tensor]:
        """Return the mean attention of each head per offset, `[n_layers, n_heads]` each.

        `previous_token` and `current_token` run over all queries but the first; the others over
        the queries in the second repeat.
        """
        attentions = self._model(self.repeats, output_attentions=True).attentions
        grid = torch.stack(attentions).mean(dim=1)  # [layer, head, query, key]
        second = torch.arange(STRETCH + 1, 2 * STRETCH + 1)
        every = torch.arange(1, 2 * STRETCH + 1)
        pairs = {
            "previous_token": (every, every - 1),
            "induction": (second, second - STRETCH + 1),
            "duplicate_token": (second, second - STRETCH),
            "first_token": (second, torch.zeros_like(second)),
            "current_token": (every, every),
        }
        return {name: grid[:, :, q, k].mean(-1) for name, (q, k) in pairs.items()}


def repeat_rows(
    vocabulary: Vocabulary, rng: np.random.Generator, sequences: int, length: int
) -> torch.Tensor:
    """Return `BOS r r` of distinct ordinary tokens, int64 `[sequences, 2 * length + 1]`."""
    rows = []
    for _ in range(sequences):
        stretch = rng.choice(vocabulary.ordinary, size=length, replace=False)
        rows.append([vocabulary.bos, *stretch, *stretch])
    return torch.tensor(np.asarray(rows))


def next_item_rows(
    vocabulary: Vocabulary, items: int, *, commas: bool
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Return prompts of some members in order, the next and the last member, and the families."""
    rows, pairs, names = [], [], []
    for family in FAMILIES:
        for start in sorted(HELD_OUT_STARTS[family]):
            indices = ordered(family, start, 1, items + 1)
            if len(indices) <= items:
                continue
            segment = listing(vocabulary, family, indices, commas=commas, bare=True, known=True)
            whole = segment.ids
            rows.append([vocabulary.bos, *whole[:-1]])
            pairs.append([whole[-1], vocabulary.spaced[family][indices[-2]]])
            names.append(family)
    return torch.tensor(rows), torch.tensor(pairs), names


def effect_of(bench: Bench, heads: list[Head]) -> dict[str, dict[str, float]]:
    """Return what is left of both behaviours with heads ablated, by zero and by mean."""
    effect = {}
    for mode in ("zero", "mean"):
        with bench.ablated(heads, mode):
            left = {"accuracy_second": bench.repeat_figures(bench.repeats)["accuracy_second"]}
            items = bench.next_item_figures()
        left.update({f"next_{name}": value for name, value in items.items()})
        effect[mode] = left
    return effect


def find_roles(heads: list[dict[str, Any]], intact: float) -> dict[str, list[str]]:
    """Name the heads of each role: by pattern score, and by the drop of the next-item logit."""
    roles: dict[str, list[str]] = {
        name: [row["head"] for row in heads if row[name] >= ROLE_SCORE]
        for name in ("previous_token", "induction", "duplicate_token")
    }
    roles["next_item"] = [
        row["head"] for row in heads if row["mean"]["next_logit_diff"] <= intact * (1 - ROLE_DROP)
    ]
    return roles


def rounded(value: Any) -> Any:
    """Round every float inside a structure to four decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def measure_heads(bench: Bench) -> list[dict[str, Any]]:
    """Return, per head, its pattern scores and what is left of the model without it."""
    scores = bench.pattern_scores()
    rows = []
    for layer, head in np.ndindex(*bench.shape):
        row: dict[str, Any] = {"head": f"{layer}.{head}"}
        row.update({name: float(scores[name][layer, head]) for name in PATTERNS})
        row.update(effect_of(bench, [(layer, head)]))
        rows.append(row)
    return rows


def measure_roles(bench: Bench, roles: dict[str, list[str]]) -> dict[str, Any]:
    """Return what is left of the model without all heads of a role at once."""
    together: dict[str, Any] = {}
    for role, names in roles.items():
        if not names:
            continue
        parts = [name.split(".") for name in names]
        chosen = [(int(layer), int(head)) for layer, head in parts]
        together[role] = effect_of(bench, chosen)
        with bench.ablated(chosen, "mean"):
            strongest = float(bench.pattern_scores()["induction"].max())
        together[role]["highest_induction_score_after_mean"] = strongest
    return together


def evaluate(folder: Path) -> dict[str, Any]:
    """Measure the model in a folder; all figures are fractions 0..1, logits or nats."""
    bench = Bench(folder)
    next_item = bench.next_item_figures()
    heads = measure_heads(bench)
    roles = find_roles(heads, next_item["logit_diff"])
    weights = (folder / "model.safetensors").read_bytes()
    result: dict[str, Any] = rounded(
        {
            "parameters": bench.parameters,
            "tokens": bench.tokens,
            "weights_bytes": len(weights),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "repeat": bench.repeat_figures(bench.repeats),
            "repeat_long": bench.repeat_figures(bench.long_repeats),
            "next_item": {"prompts": sum(len(names) for _, _, names in bench.prompts), **next_item},
            "roles": roles,
            "heads": heads,
            "without_role": measure_roles(bench, roles),
        }
    )
    return result


def write_card(folder: Path, training: dict[str, Any], measured: dict[str, Any]) -> None:
    """Write `card.json` and `card.md` into a model folder."""
    card = {"schema": 1, "name": "toy", "training": training, **measured}
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(card_text(card), encoding="utf-8")
