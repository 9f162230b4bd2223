"""Tokenizer inspection: what the model is really given."""

from __future__ import annotations

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec


class TokensParams(Params):
    """Settings of `tokens`."""

    compare: str = setting(
        "",
        "Compare with",
        "A second model whose tokenizer splits the same texts, aligned by characters.",
        placeholder="model id, folder or .gguf",
    )
    padding_demo: bool = setting(
        False,
        "Padding demo",
        "Run each prompt alone, right-padded and left-padded, and show which readings agree.",
    )


ANALYSIS = Analysis(
    name="tokens",
    title="Tokens",
    summary="How the tokenizer splits each prompt, and what to watch out for.",
    params=TokensParams,
    group="read",
    serves=frozenset({"tokenize"}),
    example=0,
    fields=(
        FieldSpec("ids", ("prompt", "position"), "Token ids that go into the model"),
        FieldSpec("pieces", ("prompt", "position"), "The vocabulary's own strings"),
        FieldSpec("texts", ("prompt", "position"), "Each token decoded alone"),
        FieldSpec("offsets", ("prompt", "position", "edge"), "Character start and end"),
        FieldSpec("special", ("prompt", "position"), "Whether the token is a special one"),
        FieldSpec("lengths", ("prompt",), "Number of tokens"),
        FieldSpec("compare", (), "The second tokenizer's split and its alignment"),
        FieldSpec("padding_demo", ("prompt", "case"), "The five padding cases"),
    ),
)
