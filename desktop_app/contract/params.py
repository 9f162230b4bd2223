"""What every analysis is asked with: prompt rows and the settings they share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

MAX_PROMPTS = 10_000
MAX_PROMPT_CHARACTERS = 1_000_000
MAX_LABEL = 1_000

TAKEN = frozenset(
    {
        *("model", "device", "dtype", "offload", "weights", "layernorm", "offline"),
        *("memory", "estimate"),
        *("prompt", "corrupt", "answer", "wrong", "prompts_file", "as_json", "out"),
    }
)
"""Names of options that every command has: no setting of an analysis may be called so."""

_BOUNDS = frozenset({"ge", "gt", "le", "lt", "max_length", "min_length", "multiple_of"})
Metric = Literal["logit_diff", "logit", "logprob", "prob", "rank", "loss", "kl"]


def check_readable(text: object) -> object:
    """Refuse lone surrogates, which no tokenizer can read; pass on everything else.

    Raises:
        ValueError: Half a character, with its place.
    """
    if isinstance(text, str):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise ValueError(
                f"half a character (lone surrogate U+{code:04X}) stands at character "
                f"{error.start + 1}; delete it and type the character anew"
            ) from None
    return text


Readable = Annotated[str, BeforeValidator(check_readable)]


def _several(value: object) -> object:
    """Read `5|five` as two texts; nothing is trimmed, since a space is part of an answer."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(part for part in value.split("|") if part)
    return value


def _said(value: object) -> object:
    return "" if value is None else value


Several = Annotated[tuple[Readable, ...], BeforeValidator(_several)]


def setting(
    default: Any, title: str, description: str, *, alias: str | None = None, **facts: Any
) -> Any:
    """Return one setting of an analysis: the field of a form, an option, a line of the session.

    Args:
        default: What holds where nothing is said.
        title: Its name in the form.
        description: One sentence, which is also the help of the option.
        alias: Its name among the params, where that is a keyword of Python.
        facts: Bounds, as pydantic has them (`ge`, `le`, `max_length` …), and what form and command
            line heed: `advanced` folds it away, `hidden` keeps it out of the form, `words` and
            `counted` say how a sentence names its values, `labels` how its control does where that
            is not the usual way, `named` how the name of a result does, `listed` that a sentence
            lists its numbers,
            `spelled` what is written in place of single values that mean something apart,
            `spelling` that it lists `heads` or `layers`, `wide` that it is a long text,
            `narrow` that it is a number, though it may be left empty, `placeholder`, `cli`,
            `metavar`.
    """
    bounds = {name: facts.pop(name) for name in _BOUNDS & facts.keys()}
    return Field(
        default=default,
        title=title,
        description=description,
        alias=alias,
        json_schema_extra=facts or None,
        **bounds,
    )


class Frozen(BaseModel):
    """A pydantic model that neither changes nor takes unknown names.

    A field whose name would be a keyword of Python is stored under its alias, and read by either.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True
    )


class PromptRow(Frozen):
    """One row of the prompt table, texts to the letter.

    Attributes:
        text: The clean prompt.
        corrupt: Its counterpart without the behaviour, of the same token length, or None.
        answer: Continuations that the metric rewards.
        wrong: Continuations that it is compared with.
        label: Which of several kinds of prompts this one is; empty where nothing is said.
        group: Which of several templates it was made from; empty where nothing is said.
    """

    text: Readable = Field(max_length=MAX_PROMPT_CHARACTERS)
    corrupt: Readable | None = Field(default=None, max_length=MAX_PROMPT_CHARACTERS)
    answer: Several = ()
    wrong: Several = ()
    label: Annotated[Readable, BeforeValidator(_said)] = Field(default="", max_length=MAX_LABEL)
    group: Annotated[Readable, BeforeValidator(_said)] = Field(default="", max_length=MAX_LABEL)

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave label and group out where there are none: earlier versions do not know them."""
        stored: dict[str, Any] = handler(self)
        for name in ("label", "group"):
            if stored.get(name) == "":
                del stored[name]
        return stored


class Params(Frozen):
    """Settings that every analysis has; each analysis adds its own."""

    prompts: tuple[PromptRow, ...] = setting(
        (), "Prompts", "The prompt table.", max_length=MAX_PROMPTS, hidden=True
    )
    bos: Literal["auto", "yes", "no"] = setting(
        "auto",
        "BOS",
        "Whether a beginning-of-sequence token goes first; auto does what the model's own "
        "tokenizer does.",
        hidden=True,
        shared=True,
    )
    chat: bool = setting(
        False,
        "Chat",
        "Treat each prompt as a user message under the model's chat template.",
        hidden=True,
        shared=True,
    )
    fix: bool = setting(
        False,
        "Fix",
        "Apply the known repairs: where answer and wrong share their leading tokens, and where "
        "the model would say them with or without their leading space.",
        hidden=True,
        shared=True,
    )

    def reads_prompts(self) -> bool:
        """Return whether these settings speak of the prompt table; without it they run alone."""
        return True

    def takes_prompts(self) -> bool:
        """Return whether prompts are read where there are any, though none may be needed."""
        return self.reads_prompts()

    def missing(self) -> str:
        """Return the name of a setting without which there is nothing to run; empty: none."""
        return ""

    def idle(self) -> frozenset[str]:
        """Return the settings that change nothing beside the others: no sentence names them."""
        return frozenset()

    @classmethod
    def own_fields(cls) -> dict[str, Any]:
        """Return the fields this analysis adds to the shared ones, in their order."""
        return {name: f for name, f in cls.model_fields.items() if name not in Params.model_fields}

    @classmethod
    def stored_fields(cls) -> dict[str, Any]:
        """Return the same fields by the keys under which results and options have them."""
        return {field.alias or name: field for name, field in cls.own_fields().items()}
