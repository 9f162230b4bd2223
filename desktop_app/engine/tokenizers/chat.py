"""A model's chat template: a program out of its files, run apart and within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.contract.params import MAX_PROMPT_CHARACTERS
from desktop_app.engine.bounded import Answer, BoundedWorker, Bounds
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOUNDS = Bounds()
_MOST_KEPT = 20_000
_TEXTS_AT_ONCE = 100


class ChatTemplate:
    """Writes texts as user messages, the way the model's own template does.

    Args:
        raw: The Hugging Face tokenizer whose template it is.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._worker = BoundedWorker("desktop_app.engine.tokenizers.chat_child", _BOUNDS)
        self._known: dict[tuple[str, str], str] = {}

    def expand(self, texts: Sequence[str]) -> list[str]:
        """Return the texts under the template.

        Raises:
            BadInputError: There is no template, it refuses a message, or it goes out of bounds.
        """
        template = self._template()
        new = [text for text in dict.fromkeys(texts) if (template, text) not in self._known]
        if len(self._known) + len(new) > _MOST_KEPT:
            self._known, new = {}, list(dict.fromkeys(texts))
        for start in range(0, len(new), _TEXTS_AT_ONCE):
            part = new[start : start + _TEXTS_AT_ONCE]
            asked = {"template": template, "texts": part, "specials": self._specials()}
            answer = self._worker.ask(asked)
            if answer.failed:
                raise BadInputError(_refusal(answer))
            keys = ((template, text) for text in part)
            self._known.update(zip(keys, answer.value, strict=True))
        return [self._known[template, text] for text in texts]

    def close(self) -> None:
        """End the process that reads templates; the next text starts another."""
        self._worker.close()

    def _template(self) -> str:
        given = self._raw.chat_template
        if not given:
            raise BadInputError("This model has no chat template: run without --chat.")
        if isinstance(given, dict) and "default" not in given:
            raise BadInputError(
                "This model has several chat templates and none by default: run without --chat."
            )
        chosen = given["default"] if isinstance(given, dict) else given
        if not isinstance(chosen, str):
            raise BadInputError("This model's chat template is no text: run without --chat.")
        return chosen

    def _specials(self) -> dict[str, Any]:
        """Return what a template may call its special tokens, as plain texts."""
        return {
            name: list(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            for name, value in self._raw.special_tokens_map.items()
        }


def _refusal(answer: Answer) -> str:
    if answer.failed == "time":
        what = f"does not come to an end within {_BOUNDS.seconds:g} seconds"
    elif answer.failed == "memory":
        what = f"wants more than {_BOUNDS.megabytes} MB of memory"
    elif answer.kind == "TooLongError":
        what = (
            f"writes {answer.message} around one message, and a prompt may have "
            f"{MAX_PROMPT_CHARACTERS:,}"
        )
    else:
        what = f"cannot take the message ({answer.message})"
    return f"This model's chat template {what}: run without --chat."
