"""A compute service without a model: characters are tokens, answers come at once.

And how a test waits until a window that uses it has come to rest.
"""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
from PySide6.QtWidgets import QApplication

from desktop_app.contract.requests import (
    DeviceMemory,
    EstimateMemory,
    FetchPack,
    ListModels,
    LoadModel,
    MakePrompts,
    MemoryEstimate,
    ModelReady,
    ModelRow,
    Parity,
    RunAnalysis,
)
from desktop_app.contract.result import (
    AnswerRecord,
    ModelInfo,
    Notice,
    PromptRecord,
    Result,
    TokenList,
)
from desktop_app.support.errors import BadInputError, Cancelled, FixableError, ModelLoadError
from desktop_app.text.made.draft import SpelledEncoder
from desktop_app.text.made.making import make

N_LAYERS, N_HEADS = 6, 4
NEEDED = {"float32": 540_000_000, "bfloat16": 270_000_000, "float16": 270_000_000}


def settle(qtbot, window):
    """Let a window come to rest: nothing runs, is written, waits for a pause in typing or a turn.

    What waited for the pause would otherwise run in the middle of whatever comes next.
    """
    window.prompts.flush()
    qtbot.waitUntil(lambda: not window.runner.is_busy())
    window.session.wait()
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def token_list(text):
    return TokenList(
        tuple(ord(c) for c in text), tuple(c.replace(" ", "Ġ") for c in text), tuple(text)
    )


class FakeService:
    """Answers at once, except where `slow` names an analysis or `load`.

    Attributes:
        slow: What takes for ever, in steps, unless it is cancelled or no longer slow.
        installed: Names of installed models.
        asked: Every request, in order.
        shapes: Layers and heads of models that have others than the rest.
        keeps: Whether a cancelled ablation ends with the half that it had by then.
        cannot: Whether the model does not do the prompt of a text.
    """

    def __init__(self, *, slow=(), installed=("toy", "smollm2"), stubborn=None):
        self.slow = set(slow)
        self.installed = installed
        self.asked = []
        self.threads = set()
        self.stubborn = stubborn or threading.Event()
        self.fail_models = set()
        self.shapes = {}
        self.keeps = False
        self.cannot = lambda text: False
        self.info = None

    def perform(self, request, report):
        self.asked.append(request)
        self.threads.add(threading.get_ident())
        match request:
            case ListModels():
                return self._models()
            case LoadModel():
                return self._load(request.spec, report)
            case EstimateMemory():
                cpu = DeviceMemory("cpu", "CPU", 24_000_000_000, 20_000_000_000)
                gpu = DeviceMemory("cuda", "Small GPU", 500_000_000, 400_000_000)
                fits = {"cpu": dict.fromkeys(NEEDED, True)}
                fits["cuda"] = {k: v < gpu.free for k, v in NEEDED.items()}
                return MemoryEstimate(135_000_000, NEEDED, (cpu, gpu), fits, "135 M parameters.")
            case MakePrompts():
                encoder = None if self.info is None else SpelledEncoder()
                return make(request.family, request.form, encoder, report)
            case FetchPack():
                self.installed = (*self.installed, request.name)
                return "folder"
            case RunAnalysis():
                return self._analyse(request, report)
        raise TypeError(request)

    def _analyse(self, request, report):
        try:
            self.wait(request.analysis, report)
        except Cancelled:
            if not self.keeps or request.analysis != "ablate":
                raise
            return self._half(self._run(request))
        return self._run(request)

    def analyses_run(self):
        return [r.analysis for r in self.asked if isinstance(r, RunAnalysis)]

    def wait(self, what, report):
        i = 0
        while what in self.slow:
            report.step(i / 200, f"layer {i} of 200")
            if what == "ablate":
                grid = np.full((N_LAYERS, N_HEADS), np.nan)
                grid[: 1 + i * N_LAYERS // 200] = -0.5
                report.partial({"effect_mean": grid, "layers": np.arange(N_LAYERS)})
            time.sleep(0.01)
            i = min(i + 1, 199)
        report.step(1.0, "done")

    @staticmethod
    def _half(result):
        """Return an ablation without its later layers, as a cancelled run ends."""
        data = dict(result.data)
        for name in ("effect", "ablated", "percent"):
            for twin in ("", "_mean", "_sem"):
                data[name + twin] = data[name + twin].copy()
                data[name + twin][N_LAYERS // 2 :] = np.nan
        told = Notice("partial", "Stopped at 12 of 24 cells. Run again for the rest.")
        return dataclasses.replace(result, data=data, warnings=(*result.warnings, told))

    def _models(self):
        rows = []
        for name, title in (("toy", "Toy"), ("smollm2", "SmolLM2-135M-Instruct")):
            here = name in self.installed
            rows.append(
                ModelRow(
                    name,
                    title,
                    f"{name}/" if here else None,
                    here,
                    135_000_000,
                    NEEDED,
                    "catalogue",
                )
            )
        return tuple(rows)

    def _load(self, spec, report):
        self.wait("load", report)
        if spec.model in self.fail_models:
            raise ModelLoadError(f"The folder {spec.model} is no model: choose another.")
        layers, heads = self.shapes.get(spec.model, (N_LAYERS, N_HEADS))
        info = ModelInfo(
            name=spec.model,
            source="catalogue",
            fingerprint=f"files of {spec.model}",
            n_layers=layers,
            n_heads=heads,
            n_kv_heads=2,
            d_model=8,
            d_head=2,
            d_vocab=100,
            n_ctx=128,
            parameters=134_515_008,
            architecture="LlamaForCausalLM",
            device="cpu",
            dtype="float32",
            weights=spec.weights,
            layernorm=spec.layernorm,
        )
        parity = Parity(2e-6, 3e-6, None, 1e-4, ok=True)
        self.info = info
        said = "" if spec.layernorm == "keep" else "Its logits moved by up to 3.1."
        more = {"chat_template": True, "layernorm_said": said}
        return ModelReady(spec, info, parity, 540_000_000, 1.2, None, **more)

    def _run(self, request):
        rows = request.params.prompts
        for i, row in enumerate(rows):
            if not row.text:
                raise BadInputError("The prompt is empty.")
            pairs = [(a, w) for a in row.answer for w in row.wrong]
            if request.analysis in {"rank", "ablate"}:
                for answer, wrong in pairs:
                    self._refuse_shared(i, row, answer, wrong)
        records = tuple(_record(row) for row in rows)
        data = getattr(self, f"_{request.analysis}")(records)
        return Result(
            analysis=request.analysis,
            params=request.params.model_dump(),
            model=self.info,
            prompts=records,
            data=data,
            warnings=tuple(_notices(rows)) if request.analysis == "tokens" else (),
            provenance={"bos": "not added", "weights": "raw"},
        )

    @staticmethod
    def _refuse_shared(i, row, answer, wrong):
        if answer[0] != wrong[0]:
            return
        fix = {
            "index": i,
            "prompt": row.text + answer[0],
            "corrupt": row.corrupt + answer[0] if row.corrupt else None,
            "answer": answer[1:],
            "wrong": wrong[1:],
        }
        raise FixableError("Both answers begin alike.", "answer_shared_prefix", fix)

    def _tokens(self, records):
        return {
            "ids": tuple(r.tokens.ids for r in records),
            "pieces": tuple(r.tokens.pieces for r in records),
            "texts": tuple(r.tokens.texts for r in records),
            "offsets": tuple(tuple((k, k + 1) for k in range(len(r.tokens))) for r in records),
            "special": tuple((False,) * len(r.tokens) for r in records),
            "lengths": np.array([len(r.tokens) for r in records]),
        }

    def _rank(self, records):
        row = {"id": 53, "piece": "5", "text": "5", "logit": 9.0, "logprob": -0.1, "prob": 0.9}
        low = {"id": 52, "piece": "4", "text": "4", "logit": 4.0, "logprob": -2.5, "prob": 0.08}
        fails = [self.cannot(r.text) for r in records]
        first = {"text": "5", "rows": [{**row, "rank": 0}], "logprob_total": -0.1}
        other = {"text": "4", "rows": [{**low, "rank": 1}], "logprob_total": -2.5}
        return {
            "top": tuple([low, row] if fail else [row, low] for fail in fails),
            "answers": tuple([{**other, "text": "5"}] if fail else [first] for fail in fails),
            "wrong": tuple([{**first, "text": "4"}] if fail else [other] for fail in fails),
            "logit_diff": np.array([-5.0 if fail else 5.0 for fail in fails]),
            "logit_diff_mean": 5.0,
            "logit_diff_sem": float("nan"),
            "prompt_logprob": tuple(np.full(len(r.tokens) - 1, -1.0) for r in records),
            "prompt_rank": tuple(np.zeros(len(r.tokens) - 1, int) for r in records),
            "read_position": np.array([r.read_position for r in records]),
        }

    def _ablate(self, records):
        n = len(records)
        base = np.full(n, 5.0)
        random = np.random.default_rng(0)
        effect = random.normal(0, 0.3, (N_LAYERS, N_HEADS, n))
        effect[3, 2] = -4.0
        values = {"effect": effect, "ablated": base + effect, "percent": 20 * (base + effect)}
        data = {
            "base": base,
            "base_mean": 5.0,
            "base_sem": 0.0,
            "layers": np.arange(N_LAYERS),
            "read_position": np.array([r.read_position for r in records]),
            "answer_rank": np.zeros(n),
            "task_done": np.ones(n, bool),
            "mode": "zero",
            "kept": "every other head and every MLP",
        }
        for name, array in values.items():
            data[name] = array
            data[f"{name}_mean"] = array.mean(axis=-1)
            data[f"{name}_sem"] = np.zeros(array.shape[:-1])
        return data

    def _attention(self, records):
        patterns = []
        for record in records:
            s = len(record.tokens)
            raw = np.tril(np.random.default_rng(1).random((N_LAYERS, N_HEADS, s, s)) ** 3)
            raw += 1e-3 * np.eye(s)
            patterns.append((raw / raw.sum(-1, keepdims=True)).astype(np.float32))
        return {
            "pattern": tuple(patterns),
            "thumbnail": tuple(p[:, :, :32, :32] for p in patterns),
            "entropy": np.ones((N_LAYERS, N_HEADS, len(records))),
            "layers": np.arange(N_LAYERS),
            "head_indices": np.arange(N_HEADS),
            "kv_head": np.arange(N_HEADS) // 2,
        }


def _record(row):
    return PromptRecord(
        text=row.text,
        tokens=token_list(row.text),
        read_position=len(row.text) - 1,
        corrupt_text=row.corrupt,
        corrupt_tokens=token_list(row.corrupt) if row.corrupt else None,
        answers=tuple(AnswerRecord(a, token_list(a)) for a in row.answer),
        wrongs=tuple(AnswerRecord(a, token_list(a)) for a in row.wrong),
    )


def _notices(rows):
    for i, row in enumerate(rows):
        if row.text.endswith("  "):
            fix = {"index": i, "prompt": row.text.rstrip(" ") + " "}
            yield Notice("trailing_space", f"Prompt {i + 1} ends in two spaces.", fix, i)
