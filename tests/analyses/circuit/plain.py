"""Circuits by plain Hugging Face hooks, and a model whose logit difference is a sum set by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.methods.test_streams import MODULES

PROJECTIONS = ("o_proj", "out_proj", "c_proj", "dense")
WORTH = (50, 30, 15, 4, 1)
_FOLDER = TemporaryDirectory(prefix="lensbench-sum-")


class Plain:
    """Runs a Hugging Face model with heads and MLPs replaced by hooks on its own modules."""

    def __init__(self, source, architecture, heads):
        self.heads = heads
        self.model = AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager")
        self.model.eval()
        blocks, _final, attn, mlp = MODULES[architecture]
        self.layers = self.model.get_submodule(blocks)
        attn = "self_attn" if "norm" in attn else attn  # a norm stands behind it
        self.projections = [self._projection(block.get_submodule(attn)) for block in self.layers]
        self.mlps = [block.get_submodule(mlp) for block in self.layers]

    @staticmethod
    def _projection(attention):
        named = dict(attention.named_modules())
        (name,) = [n for n in named if n.rpartition(".")[2] in PROJECTIONS]
        return named[name]

    def seen(self, ids, gone=None):
        """Return z `[S, H, d]` and MLP outputs `[S, d]` of every layer, and the logits."""
        z, out, handles = {}, {}, []
        count = len(ids)
        for layer, (projection, mlp) in enumerate(zip(self.projections, self.mlps, strict=True)):

            def before(_module, given, layer=layer):
                x = given[0].clone().view(1, count, -1)
                split = x.view(1, count, self.heads, -1)
                for part, (at, values) in (gone or {}).items():
                    if part[0] == layer and part[1] is not None:
                        split[0, at, part[1]] = values[at]
                z[layer] = split[0].clone()
                return (x.view(given[0].shape), *given[1:])

            def after(_module, _given, found, layer=layer):
                whole = found[0] if isinstance(found, tuple) else found
                x = whole.clone().view(count, -1)
                if (layer, None) in (gone or {}):
                    at, values = gone[layer, None]
                    x[at] = values[at]
                out[layer] = x.clone()
                x = x.view(whole.shape)
                return (x, *found[1:]) if isinstance(found, tuple) else x

            handles.append(projection.register_forward_pre_hook(before))
            handles.append(mlp.register_forward_hook(after))
        with torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0]
        for handle in handles:
            handle.remove()
        return z, out, logits

    def means(self, references, parts, gone=None):
        """Return the mean of each part `[S, ...]` over references of one length."""
        runs = [self.seen(list(ids), gone) for ids in references]
        return {
            part: torch.stack(
                [r[1][part[0]] if part[1] is None else r[0][part[0]][:, part[1]] for r in runs]
            ).mean(0)
            for part in parts
        }

    def score(self, record, kept, values, parts):
        """Return the logit difference with parts replaced wherever `kept` does not hold them.

        `kept` maps parts to positions, None for all of them.
        """
        ids = list(record.tokens.ids)
        logits = self.seen(ids, self.gone(len(ids), kept, values, parts))[2][record.read_position]
        right = logits[[a.token_id for a in record.answers]].mean()
        return float(right - logits[[w.token_id for w in record.wrongs]].mean())

    @staticmethod
    def gone(length, kept, values, parts):
        """Return what is replaced, as `seen` has it."""
        found = {}
        for part in parts:
            at = kept.get(part, ())
            if at is not None:
                stay = {p % length for p in at}
                found[part] = ([p for p in range(length) if p not in stay], values[part])
        return found


def parts_of(model, *, mlps):
    """Return all parts of a model, in order."""
    each = [*range(model.info.n_heads), *([None] if mlps else [])]
    return [(layer, head) for layer in range(model.info.n_layers) for head in each]


@cache
def sum_model():
    """Return a model of 5 layers with one head each, worth 5, 3, 1.5, 0.4 and 0.1 of 10 in all.

    That is logit(yes) − logit(no). No norms (their eps is so large that they only centre) and empty
    MLPs. Every token says 1 in one slot of the stream; each head reads that slot alone and adds its
    worth to another, which the unembedding reads. Slots are held twice with opposite signs, so that
    there is nothing to centre.
    """
    config = GPT2Config(
        vocab_size=8, n_positions=16, n_embd=4, n_layer=len(WORTH), n_head=1, n_inner=1,
        layer_norm_epsilon=1e12, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    model.config.architectures = ["GPT2LMHeadModel"]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1e6 if ".ln_" in name and name.endswith("weight") else 0.0)
        model.transformer.wte.weight[:] = torch.tensor([1.0, 0.0, -1.0, 0.0])
        model.lm_head.weight[2] = torch.tensor([0.0, 0.05, 0.0, -0.05])
        for block, worth in zip(model.transformer.h, WORTH, strict=True):
            block.attn.c_attn.weight[0, 8] = 1.0  # the value's first number reads the first slot
            block.attn.c_proj.weight[0] = torch.tensor([0.0, worth, 0.0, -worth]).float()
    folder = Path(_FOLDER.name) / "sum"
    model.save_pretrained(folder)
    names = ["<s>", "</s>", "yes", "no", "a", "b", "c", "d"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())
