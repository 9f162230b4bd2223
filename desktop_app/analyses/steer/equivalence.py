"""Five experiments on where and when an intervention acts, each with what it found.

After "Steering: does the hook run once, or at every step?": an activation is zeroed at one position
of the prompt, and greedy continuations are compared. Nothing is taken for granted of a model: every
finding is measured on it, and where it does not hold, or cannot be tried, that is what is said.

1. `which_position`: behind the last block nobody reads earlier positions any more, so that zeroing
   its output there changes nothing at all, and at the prompt's last token it does. At an early
   layer all positions may matter.
2. `persistence`: what was done on the prompt pass lives on in the cache: the same text read in one
   full pass, zeroed at the same absolute position, gives the same tokens and logits. Without the
   cache the change must be made anew at every step, or it is another experiment. Where no later
   step reads the change, as behind the last block, there is nothing to persist: it cannot be tried.
3. `equivalence`: the last position on the prompt pass is the concrete index at step 0.
4. `out_of_range`: later steps hold the new token alone, and the position lives in the cache.
5. `differs`: the steered text is another than the plain one; all else would hold of nothing, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.steer.experiments import (
    MOST_POSITIONS,
    NAMES,
    Experiments,
    Finding,
    Where,
    require_steps,
)
from desktop_app.analyses.steer.trials import Bench, worth
from desktop_app.analyses.steer.unfinite import finer
from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.decoding_trials import keeps_cache
from desktop_app.engine.sites import require_acting
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.analyses.steer.trials import Worth
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

MOST_PROMPTS = 8
WORTH = 14.0  # continuations beside those of the first experiment


def check(study: Study) -> Worth:
    """Refuse experiments that cannot be made, and return what they cost.

    Raises:
        BadInputError: The layer or the site does not exist in this model or cannot be changed, or
            a prompt leaves no room for further tokens.
    """
    where = _where(study)
    require_acting(study.model, _layers(study.model, where), where.site)
    texts = study.texts[:MOST_PROMPTS]
    for prompt, text in enumerate(texts):
        require_steps(study.model, prompt, len(text))
    count = sum(WORTH + 4.0 * min(len(text), MOST_POSITIONS) for text in texts)
    return worth(Bench(study.model, texts, study.growing), count, 2)


def _where(study: Study) -> Where:
    model, params = study.model, study.params
    given = 0 if params.layer is None else params.layer
    layer = resolve_index(given, model.info.n_layers, "--layer")
    return Where(layer, params.site, keeps_cache(model, (0,)))


def _layers(model: LoadedModel, where: Where) -> list[int]:
    return sorted({where.layer, model.info.n_layers - 1})


def found_by(study: Study, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the `findings` of a study's model on its prompts.

    They act at the layer that its settings name, 0 without one, and at their site; whatever else is
    done is no part of them.

    Raises:
        BadInputError: The place cannot be changed in this model.
    """
    bench = Bench(study.model, study.texts, study.growing)
    found, told = equivalence(bench, _where(study), report)
    return {"findings": tuple(found)}, told


def equivalence(
    bench: Bench, where: Where, report: Reporter
) -> tuple[list[dict[str, Any]], list[Notice]]:
    """Return the findings in their order (`name`, `holds`, `numbers`, `words`), and warnings.

    They are greedy and go on behind an end-of-text token, so that every step is there to be seen;
    over so many tokens as the settings say, at least 6 where the model reads as many. Of several
    prompts the first 8 are tried, of a long prompt 16 positions.

    Args:
        bench: What they are made on.
        where: Where they act.
        report: Told after each step; may cancel.
    """
    prompts = range(min(len(bench.texts), MOST_PROMPTS))
    found: dict[str, list[Finding]] = {name: [] for name in NAMES}
    for prompt in prompts:
        share = ShareReporter(report, prompt / len(prompts), 1 / len(prompts))
        one = Experiments(bench, where, prompt, share)
        for done, (name, tried) in enumerate(one.all()):
            share.step(done / len(NAMES), f"Experiment {done + 1} of {len(NAMES)}")
            found[name].append(tried())
    told = [_told(name, found[name], len(bench.texts)) for name in NAMES]
    return told, _broken(bench.model, found)


def _broken(model: LoadedModel, found: Mapping[str, Sequence[Finding]]) -> list[Notice]:
    """Return the warning that some experiments had no finite numbers, if any had."""
    broken = [next((one for one in theirs if one.broken), None) for theirs in found.values()]
    said = [one.words for one in broken if one is not None]
    if not said:
        return []
    message = (
        f"{plural(len(said), 'experiment')} of {len(NAMES)} could not be tried on every prompt. "
        f"{said[0]} Choose another layer or site{finer(model)}."
    )
    return [Notice("not_finite", message)]


def _told(name: str, found: Sequence[Finding], prompts: int) -> dict[str, Any]:
    """Return a finding of all prompts that were tried."""
    if len(found) == 1 and prompts == 1:
        one = found[0]
        told = {"name": name, "holds": one.holds, "numbers": {**one.facts, **one.tables}}
        return told | {"words": one.words}
    tried = [one.holds for one in found if one.holds is not None]
    holds = all(tried) if tried else None
    shown = next((i for i, one in enumerate(found) if one.holds is False), 0)
    counted = list(enumerate(found, 1))
    numbers: dict[str, Any] = {
        "prompts": [{"prompt": i, "holds": one.holds, **one.facts} for i, one in counted]
    }
    for table in found[0].tables:
        numbers[table] = [{"prompt": i, **row} for i, one in counted for row in one.tables[table]]
    of = f"Holds on {sum(tried)} of {plural(len(tried), 'prompt')}" if tried else "Not tried"
    left = f" (the first {len(found)} of {prompts:,} were tried)" if len(found) < prompts else ""
    words = f"{of}{left}. Prompt {shown + 1}: {found[shown].words}"
    return {"name": name, "holds": holds, "numbers": numbers, "words": words}
