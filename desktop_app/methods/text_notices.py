"""What must be said of the tokens of every result, whichever analysis made it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_app.contract.params import PromptRow
from desktop_app.contract.result import Notice
from desktop_app.methods.prepare import encoder_of
from desktop_app.support.errors import BadInputError
from desktop_app.text.warnings import TokenizerFacts, prompt_notices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import PromptRecord
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
    from desktop_app.text.encoding import Encoding

# The model reads something else than it was trained on: a number made of that is another number.
_STANDING = frozenset({"bos_missing", "not_roundtrip"})


def tokenizer_facts(model: LoadedModel) -> TokenizerFacts:
    """Return what the notices need to know of the model's tokenizer."""
    tokenizer, raw = model.tokenizer, model.tokenizer.raw
    declared = bool(raw.init_kwargs.get("add_bos_token", False))
    return TokenizerFacts(
        bos_id=tokenizer.bos_id,
        bos_piece="" if tokenizer.bos_id is None else tokenizer.describe(tokenizer.bos_id)[0],
        adds_bos=tokenizer.adds_bos,
        trained_with_bos=tokenizer.bos_id is not None and (declared or tokenizer.adds_bos),
        unknown_id=raw.unk_token_id,
        context=model.info.n_ctx,
    )


def decoded(model: LoadedModel, encoding: Encoding) -> str:
    """Return the text of the tokens that stand for characters of the prompt."""
    ids = [i for i, (a, b) in zip(encoding.ids, encoding.offsets, strict=True) if b > a]
    return model.tokenizer.decode(ids)


def standing_notices(
    model: LoadedModel,
    params: Params,
    prompts: Sequence[PromptRecord],
    told: Iterable[Notice],
) -> list[Notice]:
    """Return the warnings about tokens that a result must carry and does not carry yet.

    Args:
        model: The model.
        params: How texts were read.
        prompts: The result's prompts; those that are no texts, such as random ids, are passed over.
        told: The result's own warnings.
    """
    encoder, facts = encoder_of(model, params), tokenizer_facts(model)
    found: list[Notice] = []
    for index, record in enumerate(prompts):
        twin = record.corrupt_tokens
        given = [("", record.text, record.tokens.ids)]
        given += [("’s corrupt twin", record.corrupt_text or "", twin.ids)] if twin else []
        for whose, text, ids in given:
            try:
                encoding = encoder.encode(text)
            except BadInputError:  # random ids have no text that could be read under every setting
                continue
            if encoding.ids != ids:
                continue
            row, spelt = PromptRow.model_construct(text=text), decoded(model, encoding)
            named = f"Prompt {index + 1}"
            found += [
                replace(n, message=n.message.replace(named, named + whose, 1))
                for n in prompt_notices(row, index, encoding, spelt, facts)
                if n.code in _STANDING
            ]
    known = {(notice.code, notice.prompt) for notice in told}
    new = {(n.code, n.prompt): n for n in reversed(found) if (n.code, n.prompt) not in known}
    return [*differs_notices(model.info.name, model.tokenizer), *reversed(new.values())]


def differs_notices(name: str, tokenizer: TextTokenizer) -> list[Notice]:
    """Return the warning about a tokenizer that parts from what its files describe."""
    if not tokenizer.differs:
        return []
    message = f"{name}: {tokenizer.differs}; treat its numbers with care."
    return [Notice("tokenizer_differs", message)]
