"""Candidate words: what may stand in a word's place without changing more than the word."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import override

from desktop_app.contract.grammar import HeadText
from desktop_app.contract.params import Params, Readable, Several, setting
from desktop_app.contract.spec import Analysis, FieldSpec

MAX_WORDS, MAX_WORD = 1_000, 1_000


def _once_each(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


Words = Annotated[Several, Field(max_length=MAX_WORDS), AfterValidator(_once_each)]


class CandidatesParams(Params):
    """Settings of `candidates`."""

    replace: Readable = setting(
        "",
        "Word",
        "The word of the prompt that is replaced, as it stands there.",
        max_length=MAX_WORD,
        placeholder="a word of the prompt",
    )
    with_: Words = setting(
        (),
        "Candidates",
        "What is put in its place, one after the other, to the letter; several with a bar between.",
        alias="with",
        cli="several",
        metavar="A|B|C",
        between="|",
        placeholder="arg|self|size",
    )
    head: HeadText = setting(
        "",
        "Head",
        "Whose attention to each word is read, such as L5H3; empty reads none.",
        spelling="heads",
        placeholder="none",
    )
    text: str = setting(
        "",
        "Text",
        "A text file in which words are counted, for how common each candidate is.",
        cli="path",
        placeholder="none",
        advanced=True,
        max_length=4_096,
        words={"": "counted in a text"},
    )
    occurrence: int = setting(
        0,
        "Occurrence",
        "Which place is meant where the word stands at several, counted from 1; 0 where it stands "
        "once.",
        ge=0,
        zero="the only one",
        advanced=True,
        words={"0": ""},
    )
    pair: int = setting(
        0,
        "Prompt",
        "Which prompt is worked on, counted from 0.",
        ge=0,
        numbered="prompt",
        advanced=True,
    )

    @override
    def missing(self) -> str:
        """Return which of the word and its candidates is still to be named."""
        if not self.replace:
            return "replace"
        return "" if self.with_ else "with_"


_WORD, _QUERY = ("word",), ("word", "query")

ANALYSIS = Analysis(
    name="candidates",
    title="Candidate words",
    summary="Words for a corrupt prompt: tokens, how common, what they change, who looks at them.",
    params=CandidatesParams,
    group="compare",
    noun="the candidates",
    fields=(
        FieldSpec("words", _WORD, "The prompt's own word, then the candidates", labels="word"),
        FieldSpec("token_count", _WORD, "How many tokens it is where it stands", "tokens"),
        FieldSpec("fits", _WORD, "Whether the prompt keeps its token length with it"),
        FieldSpec("tokens", _WORD, "Its tokens, and those beside it that change with it"),
        FieldSpec(
            "kl",
            _WORD,
            "KL(base ‖ changed) of the next-token distribution; missing where it does not fit",
            "nats",
            True,
            telling=1,
        ),
        FieldSpec("next", _WORD, "The likeliest next token with it"),
        FieldSpec(
            "logit_diff", _WORD, "logit(answer) − logit(wrong) with it, where given", "logits", True
        ),
        FieldSpec(
            "attention_to",
            _WORD,
            "The head's attention to it, mean over the tokens after it; missing where it does not "
            "fit or nothing follows",
            nullable=True,
        ),
        FieldSpec(
            "attention_from_last",
            _WORD,
            "The head's attention to it from the last token; missing where it does not fit",
            nullable=True,
        ),
        FieldSpec("received", _QUERY, "The head's attention to it from each token", nullable=True),
        FieldSpec(
            "last_row",
            ("word", "key"),
            "The head's attention from the last token to each, with it",
            nullable=True,
        ),
        FieldSpec(
            "frequency_rank",
            _WORD,
            "Its rank among the words of the text, 0 = the most frequent; missing where it is not "
            "there",
            nullable=True,
        ),
        FieldSpec("frequency", _WORD, "How often the text has it as a whole word", nullable=True),
        FieldSpec("text_words", (), "How many words the text has"),
        FieldSpec("text_different", (), "How many different ones"),
        FieldSpec("span", ("word", "bound"), "Its first token, and the one after its last"),
        FieldSpec("start", (), "The character of the prompt at which the word begins"),
        FieldSpec("read_position", (), "Where the prediction was read"),
    ),
)
