"""Everything the compute thread can do: requests in, plain answers out. Owns the loaded model.

Importing this module is cheap; torch comes with the first request that needs it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from desktop_app.contract.registry import find, hook
from desktop_app.contract.report import EstimatingReporter
from desktop_app.contract.requests import (
    EstimateMemory,
    EstimateRun,
    FetchPack,
    ListModels,
    LoadModel,
    MakePrompts,
    Request,
    RunAnalysis,
    RunEstimate,
)
from desktop_app.engine import catalogue, hub
from desktop_app.engine.packs import pack
from desktop_app.engine.suggestions import offered_models
from desktop_app.support import installed
from desktop_app.support.errors import (
    BadInputError,
    MemoryExhaustedError,
    is_out_of_memory,
)

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.requests import ModelReady, ModelSpec
    from desktop_app.engine.model import LoadedModel


class Service:
    """Holds the model; used by one thread only."""

    def __init__(self) -> None:
        hub.stay_offline()
        self._model: LoadedModel | None = None

    def perform(self, request: Request, report: Reporter) -> Any:
        """Do what is asked and return its plain answer.

        Raises:
            LensbenchError: With a sentence for the user.
            Cancelled: The reporter was asked to stop.
        """
        if isinstance(request, MakePrompts):
            return self._make(request, report)
        installed.require_compute()
        if isinstance(request, LoadModel):
            return self.load(request.spec, report)
        if isinstance(request, RunAnalysis):
            return self._run(request, report)
        if isinstance(request, EstimateRun):
            heard = EstimatingReporter()
            heard.listen(lambda: self._run(request.run, heard))
            return RunEstimate(heard.memory_bytes, heard.stored_bytes, heard.limit_bytes)
        return self._of_models(request, report)

    def _make(self, request: MakePrompts, report: Reporter) -> Any:
        """Make prompts; where no model is open, words count as tokens."""
        from desktop_app.text.made.making import make

        encoder = None if self._model is None else self._model.tokenizer.with_bos(request.bos)
        return make(request.family, request.form, encoder, report)

    def _of_models(self, request: Request, report: Reporter) -> Any:
        """Do what is asked about models that are not loaded."""
        if isinstance(request, ListModels):
            return offered_models(request.recent, suggested=request.suggested)
        if isinstance(request, EstimateMemory):
            from desktop_app.engine.devices import list_devices

            return catalogue.estimate(request.spec, list_devices())
        if isinstance(request, FetchPack):
            return str(pack.fetch_pack(request.name, report.step, pack.stopping(report)))
        raise TypeError(f"unknown request {type(request).__name__}")

    def load(self, spec: ModelSpec, report: Reporter) -> ModelReady:
        """Load a model; the old one stays until the new one is ready."""
        report.step(0.0, "Starting torch")
        from desktop_app.engine import loading

        pack.make_ready(spec.model, report)
        started = time.perf_counter()
        model = loading.load(spec, report)
        self._model = model
        return loading.ready(model, time.perf_counter() - started)

    @property
    def model(self) -> LoadedModel:
        """The loaded model.

        Raises:
            BadInputError: There is none yet.
        """
        if self._model is None:
            raise BadInputError("No model is loaded: choose one first.")
        return self._model

    def _run(self, request: RunAnalysis, report: Reporter) -> Any:
        self.model.budget_bytes = request.budget_bytes
        self.model.keep(request.stored_bytes, must_fit=request.must_fit)
        run = hook(find(request.analysis).name, "run", "run")
        if run is None:
            raise BadInputError(
                f"The analysis “{request.analysis}” cannot be run: it has no run.py."
            )
        try:
            return run(self.model, request.params, report)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryExhaustedError(
                f"{self.model.info.name} ran out of memory: shorten the prompts, choose --dtype "
                "bfloat16, or use --offload disk."
            ) from None
