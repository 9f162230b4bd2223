"""Run by the Python of another environment: generation under nnsight, as its users write it.

Reads from standard input a list of jobs and writes what each said: new tokens, the log-probability
of each, and the five largest of each step. Imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import redirect_stdout
from functools import cache

import nnsight
import torch
from nnsight import LanguageModel

_BLOCKS = (("model", "layers"), ("transformer", "h"), ("gpt_neox", "layers"))


@cache
def loaded(folder):
    return LanguageModel(folder, device_map="cpu", dispatch=True, dtype=torch.float32)


def block(model, layer):
    for outer, inner in _BLOCKS:
        if hasattr(model, outer):
            return getattr(getattr(model, outer), inner)[layer]
    raise LookupError("no blocks are found")


def changed(output, job):
    """Return a block's output with one position changed: `[batch, position, :]`, never in place."""
    whole = output[0] if isinstance(output, tuple) else output
    new = whole.clone()
    if job["op"] == "zero":
        new[:, job["position"], :] = 0
    else:
        new[:, job["position"], :] += torch.tensor(job["vector"])
    return (new, *output[1:]) if isinstance(output, tuple) else new


def told(generated, length):
    ids = generated.sequences[0, length:].tolist()
    logprobs = [step[0].float().log_softmax(-1) for step in generated.logits]
    return {
        "ids": ids,
        "logprobs": [float(row[i]) for row, i in zip(logprobs, ids, strict=True)],
        "top": [row.topk(5).values.tolist() for row in logprobs],
    }


def answer(job):
    model = loaded(job["folder"])
    ids, at = torch.tensor([job["ids"]]), block(model, job["layer"])
    options = {
        "max_new_tokens": job["steps"],
        "do_sample": False,
        "pad_token_id": 2,
        "return_dict_in_generate": True,
        "output_logits": True,
    }
    schedule = job["schedule"]
    if schedule == "untouched":
        with model.generate(ids, **options) as tracer:
            result = tracer.result.save()
    elif schedule == "invoke":  # a plain invoke: no word of steps
        with model.generate(ids, **options) as tracer:
            at.output = changed(at.output, job)
            result = tracer.result.save()
    elif schedule == "first":
        with model.generate(**options) as tracer:
            with tracer.invoke(ids):
                for _step in tracer.iter[0]:
                    at.output = changed(at.output, job)
            with tracer.invoke():
                result = tracer.result.save()
    else:
        with model.generate(**options) as tracer:
            with tracer.invoke(ids):
                for _step in tracer.iter[:]:
                    at.output = changed(at.output, job)
            with tracer.invoke():
                result = tracer.result.save()
    return told(result, len(job["ids"]))


def main():
    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):
        found = [answer(job) for job in json.load(sys.stdin)]
    sys.stdout.write(json.dumps({"version": nnsight.__version__, "answers": found}))


if __name__ == "__main__":
    main()
