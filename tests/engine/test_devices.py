"""Every analysis on every kind of device: the numbers of the CPU, also in little memory.

The same tests run on the CPU, where they hold themselves to it and memory ends by decree.
"""

from __future__ import annotations

import contextlib
import gc
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import torch

from desktop_app.analyses.candidates import run as candidates
from desktop_app.analyses.train_sae import reading as activations
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import LoadModel, ModelSpec, RunAnalysis
from desktop_app.engine.loading import load
from desktop_app.engine.sweep_pass import Pass
from desktop_app.jobs.service import Service
from desktop_app.methods import streams, watching
from desktop_app.methods.together import Reader
from desktop_app.session.parts import LazyArray
from desktop_app.support.errors import BadInputError, MemoryExhaustedError
from tests.models import named
from tests.session.toy_runs import params_of, result_of

pytestmark = pytest.mark.model

TOLERANCE = 1e-4
FEW = 12  # variants that fit where memory ends by decree
WORTH_HALVING = 100_000_000  # bytes: a GPU gives out memory in pieces of up to 20 MB
# A fit of a lens takes gradients through all layers: what it cannot do it says, and its passes are
# halved in its own way (tests/analyses/fit_lens).
GRADIENTS = {"half": ("fit_lens", "--dtype float32"), "disk": ("fit_lens", "--offload none")}
DIGITS = [str(i % 10) for i in range(100)]
LONG = PromptRow(text=" ".join(DIGITS), corrupt=" ".join(DIGITS[::-1]), answer=" 5", wrong=" 4")


def cuda_problem() -> str:
    """Return why nothing can be run on a GPU, empty where it can."""
    if not torch.cuda.is_available():
        return "this machine has no CUDA device that torch can use"
    return ""


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Each kind of device; skipped with the reason where it is not here."""
    if request.param == "cuda" and (problem := cuda_problem()):
        pytest.skip(problem)
    return request.param


@cache
def toy(device, dtype="float32", offload="none"):
    if (device, dtype, offload) == ("cpu", "float32", "none"):
        return named("toy")
    return load(ModelSpec("toy", device=device, dtype=dtype, offload=offload), SilentReporter())


def run(model, name, params):
    return hook(name, "run", "run")(model, params, SilentReporter())


def outcome(model, name, params):
    """Return the fields of a result, or the sentence with which it was refused."""
    try:
        return dict(run(model, name, params).data)
    except BadInputError as error:
        return str(error)


def refused(model, name, kind):
    """Return whether an analysis cannot be done on a kind of model; it must say what to do."""
    own, step = GRADIENTS[kind]
    if name != own:
        return False
    with pytest.raises(BadInputError, match=step):
        run(model, name, params_of(name))
    return True


@cache
def usual(name, device="cpu"):
    """Return the fields of an analysis under its small settings."""
    return dict(
        (result_of(name) if device == "cpu" else run(toy(device), name, params_of(name))).data
    )


def variations(name):
    """Return the settings of an analysis, each choice and each switch in turn."""
    small = params_of(name)
    yield small
    for field, info in type(small).own_fields().items():
        kind = info.annotation
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        for value in (True, False) if kind is bool else choices:
            if value != getattr(small, field):
                yield small.model_copy(update={field: value})


def assert_same(left: Any, right: Any, path: str) -> None:
    """Compare two results' values; numbers within the tolerance."""
    if isinstance(left, (np.ndarray, np.generic, LazyArray, float, int)):
        one, two = np.asarray(left), np.asarray(right)
        assert one.shape == two.shape, path
        if one.dtype.kind == "f":
            np.testing.assert_allclose(
                two, one, atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True, err_msg=path
            )
        else:
            np.testing.assert_array_equal(two, one, err_msg=path)
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            assert_same(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        for i, (one, two) in enumerate(zip(left, right, strict=True)):
            assert_same(one, two, f"{path}.{i}")
    elif not (isinstance(left, str) and any(c.isdigit() for c in left)):  # rounded numbers in words
        assert left == right, path


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_gives_the_numbers_of_the_cpu(device, name):
    assert_same(usual(name), usual(name, device), name)


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("name", ANALYSES)
def test_every_choice_of_settings_gives_the_numbers_of_the_cpu(name):
    if problem := cuda_problem():
        pytest.skip(problem)
    for params in variations(name):
        told = f"{name} {params.model_dump(exclude_defaults=True, exclude={'prompts'})}"
        assert_same(outcome(toy("cpu"), name, params), outcome(toy("cuda"), name, params), told)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_runs_in_half_precision(device, dtype, name):
    """Shapes and kinds are those of float32; numbers are finite, or the result says where not."""
    model = toy(device, dtype)
    assert model.info.dtype == dtype
    assert next(model.bridge.original_model.parameters()).dtype == getattr(torch, dtype)
    assert model.parity.ok, model.parity
    if refused(model, name, "half"):
        return
    exact, half = usual(name), run(model, name, params_of(name))
    assert half.data.keys() - {"noise"} == exact.keys()  # which full precision has none of
    told = {notice.code for notice in half.warnings}
    for field, value in half.data.items():
        if field in exact and isinstance(value, (np.ndarray, LazyArray)):
            found, wanted = np.asarray(value), np.asarray(exact[field])
            assert (found.ndim, found.dtype) == (wanted.ndim, wanted.dtype), field
            if {"token", "feature", "entry"} & {*ANALYSES[name].axes(field, half.params)}:
                continue  # others may be the likeliest, or active, and so more or fewer of them
            assert found.shape == wanted.shape, field
            if found.dtype.kind == "f":
                bad = ~np.isfinite(found) & np.isfinite(wanted)
                assert not bad.any() or told & {"not_finite", "task_not_done"}, field


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_of_a_model_on_the_disk_gives_the_numbers_of_the_cpu(device, name):
    model = toy(device, offload="disk")
    assert model.spec.offload == "disk"
    if refused(model, name, "disk"):
        return
    assert_same(usual(name), dict(run(model, name, params_of(name)).data), name)


# --- out of memory


def sweeping(model):
    """Return the analyses that sweep, with a long prompt where the memory is a GPU's own."""
    for name in ANALYSES:
        params = params_of(name)
        labelled = any(row.label for row in params.prompts)  # and a single one would be refused
        if model.device.type == "cuda" and params.reads_prompts() and not labelled:
            params = params.model_copy(update={"prompts": (LONG,)})
        listener = EstimatingReporter()
        go = partial(hook(name, "run", "run"), model, params, listener)
        if name == GRADIENTS["half"][0] and model.device.type == "cpu":
            continue
        # Attention says its needs too, and sweeps nothing.
        if listener.listen(go) is not None and listener.stored_bytes is None:
            yield name, params


@contextlib.contextmanager
def full_gpu(spare=0):
    """Leave no more than so many bytes of the GPU, without what lies free between held blocks."""
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    fillings = []
    # What is larger than 1 MiB lies apart from what is smaller; no block has less than 512 bytes.
    for size in (2**24, 2**21, 2**20 + 512, 2**20, 2**14, 512):
        with contextlib.suppress(torch.OutOfMemoryError):
            while True:
                fillings.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + spare) / total)
    try:
        yield
    finally:
        del fillings
        torch.cuda.set_per_process_memory_fraction(1.0)


def _count(rows):
    return rows.stop - rows.start


class Watched:
    """Passes of sweeps, readings and streams, counted, and refused where memory ends by decree.

    Attributes:
        most: The most variants, or texts, of a pass.
        failed: The variants, or texts, of each pass that ran out of memory.
        fitting: How many fit; None: as many as there is memory for.
    """

    def __init__(self, monkeypatch):
        self.most, self.failed, self.fitting = 0, [], None
        sweep, read = Pass.run, Reader._pass
        monkeypatch.setattr(
            Pass, "run", lambda one, *rest: self._watch(len(one._variants), sweep, one, *rest)
        )
        monkeypatch.setattr(
            Reader,
            "_pass",
            lambda one, texts, *rest: self._watch(len(texts), read, one, texts, *rest),
        )
        batches = watching.in_batches
        for reads in (streams, candidates, activations):
            monkeypatch.setattr(
                reads,
                "in_batches",
                lambda model, count, limit, work: batches(
                    model, count, limit, lambda rows: self._watch(_count(rows), work, rows)
                ),
            )

    def _watch(self, count, original, *arguments):
        self.most = max(self.most, count)
        try:
            if self.fitting is not None and count > self.fitting:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(*arguments)
        except torch.OutOfMemoryError:
            self.failed.append(count)
            raise

    @contextlib.contextmanager
    def little_memory(self, model, peak, *, nothing=False):
        """Leave half of what a run takes at its peak, or nothing."""
        if model.device.type == "cpu":
            self.fitting = -1 if nothing else FEW
            yield
            self.fitting = None
            return
        with full_gpu(0 if nothing else peak // 2):
            yield


def at_peak(model, name, params):
    """Run; return the fields, and the memory that the run took on a GPU."""
    if model.device.type == "cpu":
        return dict(run(model, name, params).data), 0
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = dict(run(model, name, params).data)
    return found, torch.cuda.max_memory_allocated() - before


def test_a_sweep_that_runs_out_of_memory_goes_on_in_smaller_passes(device, monkeypatch):
    model, tried = toy(device), 0
    for name, params in sweeping(model):
        watched = Watched(monkeypatch)
        whole, peak = at_peak(model, name, params)
        if watched.most <= FEW or 0 < peak < WORTH_HALVING:
            continue
        with watched.little_memory(model, peak):
            parts = dict(run(model, name, params).data)
        assert watched.failed, name
        assert_same(whole, parts, name)
        assert model.hooks_left() == 0
        tried += 1
    assert tried


def test_where_nothing_fits_one_sentence_says_so_and_the_model_stays_usable(device, monkeypatch):
    """Memory may end in a sweep, which halves its passes, or before it."""
    service = Service()
    service.perform(LoadModel(ModelSpec("toy", device=device, dtype="float32")), SilentReporter())
    model = service.model
    for name, params in sweeping(model):
        watched = Watched(monkeypatch)
        _whole, peak = at_peak(model, name, params)
        with (
            pytest.raises(MemoryExhaustedError) as caught,
            watched.little_memory(model, peak, nothing=True),
        ):
            service.perform(RunAnalysis(name, params), SilentReporter())
        watched.fitting = None
        assert caught.value.exit_code == 4
        assert "\n" not in str(caught.value)
        assert model.hooks_left() == 0
        assert_same(usual(name), dict(run(model, name, params_of(name)).data), name)


@pytest.mark.gpu
def test_a_model_too_large_for_the_gpu_is_refused_in_a_sentence():
    if problem := cuda_problem():
        pytest.skip(problem)
    with (
        full_gpu(),
        pytest.raises(MemoryExhaustedError, match="does not fit into the memory of cuda"),
    ):
        load(ModelSpec("toy", device="cuda"), SilentReporter())
    assert load(ModelSpec("toy", device="cuda"), SilentReporter()).parity.ok
