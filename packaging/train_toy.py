"""Train the toy model that ships with Lensbench, on the CPU, in minutes.

Run `python packaging/train_toy.py --out resources/toy`. The model has GPT-2's layout. It is trained
until two behaviours are there: induction (in `BOS r r` the second `r` is predicted from the first)
and continuing numbers, number words, months and days. The folder it writes loads with
`AutoModelForCausalLM.from_pretrained`, and holds a card of what was measured afterwards.

A run is repeatable with the same seed, number of cores and torch build; another build or number of
cores adds up in another order and ends in other weights, in which other heads may do the work.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from toy_card import evaluate, write_card
from toy_data import Mixture, RowMaker
from toy_tokenizer import CONTEXT, make_tokenizer, read_vocabulary
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

# Short rows first: the previous-token head and the induction head form on them within a few
# hundred cheap steps; long rows then bring in the rest of the positions.
PHASES = (
    (0.45, Mixture(rows=48, length=64, shortest=5, longest=28)),
    (0.30, Mixture(rows=24, length=128, shortest=10, longest=60)),
    (0.25, Mixture(rows=12, length=CONTEXT, shortest=10, longest=120)),
)
PEAK_LEARNING_RATE = 3e-3
WARM_UP_STEPS = 100


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> GPT2LMHeadModel:
    """Return a fresh model with sinusoidal positions as its starting point.

    Sinusoids make "the position before" a rotation, so that a previous-token head needs few steps;
    they are trained on like any other weight, without decay, until one such head is sharp.
    """
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=CONTEXT,
        n_embd=128,
        n_layer=3,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = GPT2LMHeadModel(config)
    width = config.n_embd
    positions = torch.arange(CONTEXT, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
    with torch.no_grad():
        model.transformer.wte.weight.normal_(0.0, 0.05)
        model.transformer.wpe.weight[:, 0::2] = 0.05 * torch.sin(positions * rates)
        model.transformer.wpe.weight[:, 1::2] = 0.05 * torch.cos(positions * rates)
    return model


def make_optimizer(model: GPT2LMHeadModel) -> torch.optim.AdamW:
    """Return AdamW that decays all matrices but the positions."""
    decayed: list[torch.nn.Parameter] = []
    spared: list[torch.nn.Parameter] = []
    for name, weight in model.named_parameters():
        spare = weight.ndim < 2 or name.endswith("wpe.weight")
        (spared if spare else decayed).append(weight)
    groups = [
        {"params": decayed, "weight_decay": 0.05},
        {"params": spared, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=PEAK_LEARNING_RATE, betas=(0.9, 0.98))


def learning_rate(step: int, steps: int) -> float:
    """Return the rate of a step: a linear rise, then half a cosine to a fiftieth of the peak."""
    if step < WARM_UP_STEPS:
        return PEAK_LEARNING_RATE * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)
    return PEAK_LEARNING_RATE * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done)))


def mixture_of(step: int, steps: int) -> Mixture:
    """Return the rows to train on at a step."""
    end = 0.0
    for share, mixture in PHASES:
        end += share
        if step < end * steps:
            return mixture
    return PHASES[-1][1]


def weighted_loss(
    model: GPT2LMHeadModel, ids: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, float]:
    """Return the weighted mean loss in nats, and the plain mean over predictable tokens."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
    )
    flat = weights[:, 1:].flatten()
    known = flat > 0.99
    return (losses * flat).sum() / flat.sum(), float(losses.detach()[known].mean())


def train(model: GPT2LMHeadModel, rows: RowMaker, steps: int) -> None:
    """Train in place, printing the loss on predictable tokens."""
    optimizer = make_optimizer(model)
    model.train()
    began = time.perf_counter()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        ids, weights = (torch.from_numpy(array) for array in rows.make(mixture_of(step, steps)))
        loss, known = weighted_loss(model, ids, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            spent = time.perf_counter() - began
            print(
                f"step {step:5d}  loss on predictable tokens {known:6.3f}  {spent:5.0f} s",
                flush=True,
            )


def main() -> None:
    """Train, save, measure, and write the card."""
    parser = argparse.ArgumentParser(description="Train the toy model of Lensbench.")
    parser.add_argument("--out", type=Path, default=Path("resources/toy"), help="folder to write")
    parser.add_argument("--steps", type=int, default=2000, help="optimizer steps (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and rows (default 0)")
    parser.add_argument("--threads", type=int, default=1, help="processor cores (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(mode=True)
    began = time.perf_counter()
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, options.seed)
    train(model, RowMaker(read_vocabulary(tokenizer), options.seed), options.steps)
    tokenizer.save_pretrained(options.out)
    model.save_pretrained(options.out)
    seconds = time.perf_counter() - began
    training = {
        "steps": options.steps,
        "seed": options.seed,
        "threads": options.threads,
        "torch": torch.__version__,
        "seconds": round(seconds),
    }
    write_card(options.out, training, evaluate(options.out))
    print(f"Wrote {options.out}.")


if __name__ == "__main__":
    main()
