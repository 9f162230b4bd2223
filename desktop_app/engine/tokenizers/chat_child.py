"""What renders chat templates, in a process of its own; see `bounded` and `chat`."""

from __future__ import annotations

from typing import Any

from transformers.utils.chat_template_utils import render_jinja_template

from desktop_app.contract.params import MAX_PROMPT_CHARACTERS


class TooLongError(Exception):
    """A template writes more than a prompt may have."""


def answer(question: dict[str, Any]) -> list[str]:
    """Return each text as a user message under the template, ready for the model's turn.

    Raises:
        TooLongError: One of them is longer than a prompt may be.
    """
    rendered = []
    for text in question["texts"]:
        found: Any = render_jinja_template(
            conversations=[[{"role": "user", "content": text}]],
            chat_template=question["template"],
            add_generation_prompt=True,
            **question["specials"],
        )
        text_under_it = found[0][0]
        if len(text_under_it) > MAX_PROMPT_CHARACTERS:
            raise TooLongError(f"{len(text_under_it):,} characters")
        rendered.append(text_under_it)
    return rendered
