"""Bringing a pack that an earlier version converted up to date, without fetching it again.

The first conversion dropped the pre-tokenizer that the GGUF names, and with it the ids of digits
after spaces. The weights are right. The catalogue has the name, so the tokenizer is made anew from
its own vocabulary and merges.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from desktop_app.engine.packs.pack_steps import PackError
from desktop_app.engine.tokenizers.pre_tokenizers import splitting
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

TOKENIZER = "tokenizer.json"


def convert_again(name: str, pre_tokenizer: str, manifest: Path, conversion: int) -> None:
    """Give an installed pack the tokenizer that its GGUF describes; safe to be repeated.

    Args:
        name: The pack's name.
        pre_tokenizer: How its GGUF says that texts are cut; empty where the catalogue does not say.
        manifest: The manifest in its folder, written last.
        conversion: The number under which the pack is up to date.

    Raises:
        PackError: It cannot be done; the message says what to do.
    """
    earlier = (
        f"The model pack '{name}' was converted by an earlier version of Lensbench, whose "
        "tokenizer was wrong"
    )
    known = splitting(pre_tokenizer)
    if known is None:
        raise PackError(f"{earlier}; run `lensbench fetch {name}` again.")
    from tokenizers import Tokenizer

    path = manifest.with_name(TOKENIZER)
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.pre_tokenizer = known.build()
        tokenizer.model.ignore_merges = known.ignore_merges
        stored = tokenizer.to_str(pretty=True).encode()
        told = json.loads(manifest.read_text(encoding="utf-8"))
        told["files"][TOKENIZER] = {
            "bytes": len(stored),
            "sha256": hashlib.sha256(stored).hexdigest(),
        }
        told["conversion"] = conversion
        for file, content in ((path, stored), (manifest, _json(told))):
            with write_atomically(file) as sink:
                sink.write(content)
    except BadInputError as error:
        raise PackError(f"{earlier}, and it cannot be mended in its place: {error}") from error
    except Exception as error:
        raise PackError(
            f"{earlier}, and it is damaged besides ({type(error).__name__}); run "
            f"`lensbench fetch {name}` again."
        ) from error


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
