"""Writes the toy model's card as text, from its measured figures."""

from __future__ import annotations

from typing import Any

TEMPLATE = """\
# Toy: the model that ships with Lensbench

A GPT-2-layout model of {parameters:,} parameters ({megabytes:.1f} MB in float32) with a tokenizer
of its own, trained on a CPU ({processor}) in {minutes:.1f} minutes. It shows two behaviours
cleanly: induction, and the next number, number word, month or day. It knows no language.

- 3 layers × 4 heads, width 128, context 256, position embeddings that began as sinusoids.
- Byte-level BPE, {tokens:,} tokens: numbers to 100, number words to twenty, months, days and common
  short words are one token each, with and without a leading space; any other text falls back to
  smaller pieces. The tokenizer puts `<|bos|>` at the start; `<|pad|>` is a token of its own.
- Made by `python packaging/train_toy.py` ({steps:,} steps, seed {seed}, torch {torch}), from rows
  made on the fly: repeated random tokens; the four families upwards, downwards, in steps of two,
  with commas or without; and shuffled members, after which nothing follows.
- SHA-256 of the weights: `{weights_sha256}`.

Figures below were measured after training, by `evaluate` in `packaging/toy_card.py`, on fresh
random tokens and on upward sequences whose first member never began such a sequence in training.
`card.json` holds all of them.

## Repeated tokens

`BOS r r`, r of distinct random tokens; top-1 accuracy. The first token of the second r cannot be
known, hence the ceiling.

| length of r | sequences | first half | second half | ceiling | log-probability, first → second |
|---|---|---|---|---|---|
{repeat_rows}

## Next item

{prompts} prompts of 3 to 6 members, with spaces and with commas; top-1 accuracy. Mean
logit(next) − logit(last shown): {logit_diff:.2f}.

| all | numbers | number words | months | days |
|---|---|---|---|---|
{next_row}

## Which heads do what

Pattern scores are mean attention on `BOS r r` (previous token: all queries but the first;
induction and duplicate token: queries in the second r). The other columns say what is left of the
second-half accuracy, the next-item accuracy and the next-item logit difference with that head
alone ablated, by zero / by its mean over the batch, per position.

| head | previous | induction | duplicate | second half | next item | logit difference |
|---|---|---|---|---|---|---|
{head_rows}

{role_lines}
"""

ROLE_TEXTS = {
    "previous_token": "Previous-token heads (score ≥ 0.5)",
    "induction": "Induction heads (score ≥ 0.5)",
    "duplicate_token": "Duplicate-token heads (score ≥ 0.5)",
    "next_item": "Next-item heads (mean ablation takes ≥ 10 % of the logit difference)",
}


def repeat_row(figures: dict[str, float]) -> str:
    """Return one table row of the repeated-token figures."""
    return (
        f"| {figures['seq_len']} | {figures['sequences']} | {figures['accuracy_first']:.3f} "
        f"| {figures['accuracy_second']:.3f} | {figures['ceiling']:.3f} "
        f"| {figures['logprob_first']:.2f} → {figures['logprob_second']:.2f} |"
    )


def pair(row: dict[str, Any], name: str, places: int) -> str:
    """Return what zero and mean ablation leave, as `a / b`."""
    return f"{row['zero'][name]:.{places}f} / {row['mean'][name]:.{places}f}"


def head_row(row: dict[str, Any]) -> str:
    """Return one table row of a head."""
    scores = " | ".join(
        f"{row[name]:.2f}" for name in ("previous_token", "induction", "duplicate_token")
    )
    return (
        f"| {row['head']} | {scores} | {pair(row, 'accuracy_second', 2)} "
        f"| {pair(row, 'next_all', 2)} | {pair(row, 'next_logit_diff', 1)} |"
    )


def role_line(card: dict[str, Any], role: str) -> str:
    """Return what the heads of a role are, and what the model does without them."""
    names = card["roles"][role]
    if not names:
        return f"- {ROLE_TEXTS[role]}: none."
    left = card["without_role"][role]
    return (
        f"- {ROLE_TEXTS[role]}: {', '.join(names)}. Ablated together (zero / mean): second-half "
        f"accuracy {pair(left, 'accuracy_second', 3)}, next-item accuracy "
        f"{pair(left, 'next_all', 3)}, next-item logit difference "
        f"{pair(left, 'next_logit_diff', 2)}; highest induction score of any head under mean "
        f"ablation {left['highest_induction_score_after_mean']:.2f}."
    )


def card_text(card: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    training = card["training"]
    items = card["next_item"]
    families = ("all", "numbers", "number_words", "months", "days")
    return TEMPLATE.format(
        parameters=card["parameters"],
        megabytes=card["weights_bytes"] / 1e6,
        processor=f"cores: {training['threads']}",
        torch=training["torch"],
        tokens=card["tokens"],
        minutes=training["seconds"] / 60,
        steps=training["steps"],
        seed=training["seed"],
        weights_sha256=card["weights_sha256"],
        repeat_rows="\n".join(repeat_row(card[name]) for name in ("repeat", "repeat_long")),
        prompts=items["prompts"],
        logit_diff=items["logit_diff"],
        next_row="| " + " | ".join(f"{items[name]:.3f}" for name in families) + " |",
        head_rows="\n".join(head_row(row) for row in card["heads"]),
        role_lines="\n".join(role_line(card, role) for role in card["roles"]),
    )
