"""What a run of features takes: memory, and what its result keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.features.on_prompts import HELD, prompts_per_pass
from desktop_app.analyses.features.over_text import memory_needed, text_of
from desktop_app.analyses.features.spec import USUALLY_ACTIVE, all_features_bytes, stored_bytes
from desktop_app.analyses.features.write_top import bytes_needed, why_left_out
from desktop_app.engine.memory import text_bytes, texts_per_pass, used_bytes
from desktop_app.support.errors import BadInputError
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.features.spec import FeaturesParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder


def say_needs(
    model: LoadedModel,
    autoencoder: Autoencoder,
    params: FeaturesParams,
    texts: Sequence[Sequence[int]],
    report: Reporter,
) -> None:
    """Say what the run takes and keeps.

    Args:
        model: The model.
        autoencoder: Its autoencoder, whose sizes no settings tell.
        params: The settings.
        texts: Token ids of the prompts.
        report: Told.

    Raises:
        BadInputError: The result may not be kept, however few activations of a text are; or the
            text cannot be read, of which nothing is said then.
    """
    if params.corpus:
        next(iter(text_of(model, params)))  # its first window, or a sentence
    head, limit = autoencoder.head, model.storage.limit_bytes
    lengths = [len(text) for text in texts]
    prompts = stored_bytes(params.model_copy(update={"corpus": ""}), model.info, lengths)
    # Beside prompts alone the lists of all features are left out where they are too much.
    least = prompts + (all_features_bytes(params, head.d_sae) if params.corpus else 0)
    if least > limit:
        raise BadInputError(
            f"These features keep {human_bytes(least)} and at most {human_bytes(limit)} are stored:"
            " choose a shorter --top, or fewer or shorter prompts."
        )
    active = min(head.k or USUALLY_ACTIVE, head.d_sae)
    whole = stored_bytes(params, model.info, lengths, active)
    if params.corpus or not why_left_out(model, autoencoder, params.top):
        whole += all_features_bytes(params, head.d_sae)
    report.stores(min(limit, whole), limit)
    peak = max(_of_prompts(model, autoencoder, lengths), bytes_needed(model, autoencoder))
    needed = used_bytes(model.device) + min(limit, whole) + peak
    report.needs(
        max(needed, memory_needed(model, autoencoder, params)) if params.corpus else needed
    )


def _of_prompts(model: LoadedModel, autoencoder: Autoencoder, lengths: Sequence[int]) -> int:
    """Return about how many bytes the prompts of one pass take, where that is most."""
    wide, found = autoencoder.head.d_sae, 0
    for length in set(lengths):
        most = prompts_per_pass(model, texts_per_pass(model, length, length), length, wide)
        together = min(most, lengths.count(length))
        each = text_bytes(model, length, length) + HELD * 4 * length * wide
        found = max(found, together * each)
    return found
