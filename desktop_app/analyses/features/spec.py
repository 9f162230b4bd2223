"""Features of a sparse autoencoder: on prompts, over text, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.contract.text_setting import MAX_PATH, OWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import ModelInfo

MOST_FEATURES = 10_000_000
MOST_ENTRIES = 8_000_000
"""Activations over a corpus that are kept one by one; beyond them, the chosen feature's alone."""
OWN_CORPUS = OWN
USUALLY_ACTIVE = 100
"""Features of a token, where nothing tells how many; they may be several times as many."""
_OVER_TEXT = frozenset({"window", "tokens", "intervals", "examples", "seed", "fresh"})
_OF_FEATURE = frozenset({"ablate", "position"})


class FeaturesParams(Params):
    """Settings of `features`."""

    sae: str = setting(
        "",
        "Autoencoder",
        "A folder in SAELens' layout, cfg.json and a .safetensors file, or the name of one that "
        "was trained here; toy is the small one that comes with Lensbench, for the toy model.",
        placeholder="a folder",
        cli="path",
        metavar="FOLDER",
        max_length=MAX_PATH,
        words={"": ""},
    )
    feature: int = setting(
        -1,
        "Feature",
        "The feature that is looked at closely, from 0; −1: none.",
        ge=-1,
        le=MOST_FEATURES,
        words={"-1": "", "": "feature {}"},
        spelled={"-1": "none"},
    )
    top: int = setting(
        5,
        "Listed",
        "Features listed of each token, and tokens of each list.",
        ge=1,
        le=100,
        words={"": "{} listed"},
        advanced=True,
    )
    ablate: Literal["delete", "zero"] = setting(
        "delete",
        "Ablated text",
        "How each earlier token is taken away: deleted, so that later ones move up, or its "
        "embedding zeroed in place.",
        words={"delete": "tokens deleted", "zero": "embeddings zeroed"},
    )
    position: str = setting(
        "peak",
        "Read at",
        "Where the feature is read when tokens are taken away: at its peak in the prompt, or at a "
        "position.",
        max_length=12,
        words={"peak": ""},
        advanced=True,
    )
    corpus: str = setting(
        "",
        "Corpus",
        "A text file, or a folder of .txt and .md files, over which features are read; own: the "
        "small corpus that comes with Lensbench; empty: none.",
        placeholder="none",
        cli="path",
        metavar="FILE|FOLDER",
        max_length=MAX_PATH,
        words={"": "", OWN_CORPUS: "over Lensbench's own corpus"},
    )
    window: int = setting(
        128,
        "Window",
        "How many tokens of the corpus are read at once, the BOS included.",
        ge=3,
        le=8_192,
        words={"": "windows of {} tokens"},
        advanced=True,
    )
    tokens: int = setting(
        20_000,
        "Tokens",
        "How many tokens of the corpus are read, BOS not counted.",
        ge=1,
        le=10_000_000,
        words={"": "{} tokens"},
        advanced=True,
    )
    intervals: int = setting(
        10,
        "Intervals",
        "Into how many equal intervals its activations from 0 to the largest are divided; examples "
        "are drawn from each.",
        ge=1,
        le=100,
        advanced=True,
    )
    examples: int = setting(
        5,
        "Examples",
        "Top examples, and examples drawn of each interval.",
        ge=1,
        le=100,
        advanced=True,
    )
    fresh: bool = setting(
        False,
        "Read anew",
        "Read the corpus anew, and not on from where an earlier run of the same text was stopped.",
        advanced=True,
    )
    seed: int = setting(
        0, "Seed", "Draws the examples of each interval.", ge=0, le=2**31 - 1, advanced=True
    )

    @override
    def reads_prompts(self) -> bool:
        """Return whether prompts are read: not where there are none and a corpus is."""
        return not self.corpus or bool(self.prompts)

    @override
    def idle(self) -> frozenset[str]:
        """Return what speaks of a corpus where there is none, and of a feature where none is."""
        return (frozenset() if self.corpus else _OVER_TEXT) | (
            frozenset() if self.feature >= 0 else _OF_FEATURE
        )

    @override
    def takes_prompts(self) -> bool:
        """Return that prompts are read beside a corpus as well."""
        return True

    @override
    def missing(self) -> str:
        """Return the autoencoder, until one is named."""
        return "" if self.sae else "sae"


_TOKENS = ("prompt", "position")
_ENTRY = ("entry",)


def stored_bytes(
    params: Params, model: ModelInfo, lengths: Sequence[int], active: int = USUALLY_ACTIVE
) -> int:
    """Return about how many bytes a result of these settings keeps, but for what all features have.

    Of a text activations are kept one by one while they are few: the larger part, of which an
    autoencoder of many active features has more than is told here, never more than is allowed.

    Args:
        params: The settings.
        model: The model.
        lengths: Tokens of each prompt.
        active: Features of each token of a text.
    """
    if not isinstance(params, FeaturesParams):
        return 0
    # An activation takes eight bytes.
    entries = min(MOST_ENTRIES, active * params.tokens)
    corpus = 8 * max(entries, params.tokens) + 4 * params.tokens if params.corpus else 0
    return sum(lengths) * (12 * params.top + 64) + corpus


def all_features_bytes(params: FeaturesParams, count: int) -> int:
    """Return how many bytes all features have at most, `count` of them.

    Density, largest and mean activation and where its entries begin of a text, and the tokens that
    each writes.
    """
    return count * (4 * params.top + (32 if params.corpus else 0))


ANALYSIS = Analysis(
    name="features",
    title="Features",
    summary="What a sparse autoencoder's features read and write, on prompts and over text.",
    params=FeaturesParams,
    group="does",
    noun="features",
    known_as="sae sparse autoencoder transcoder dictionary corpus",
    serves=frozenset({"features_with"}),
    stores=stored_bytes,
    stored="activations",
    fields=(
        FieldSpec("card", (), "What the autoencoder is: model, hook, sizes, activation, data"),
        # Of every prompt.
        FieldSpec("top", (*_TOKENS, "rank"), "Features of largest activation, −1: no more"),
        FieldSpec("top_activation", (*_TOKENS, "rank"), "Their activations", telling=-1),
        FieldSpec("l0_token", _TOKENS, "Active features of each token", telling=-1),
        FieldSpec("error_token", _TOKENS, "‖x − x̂‖ / ‖x‖ of each token", telling=-1),
        FieldSpec(
            "variance_explained",
            ("prompt",),
            "Fraction of variance explained: 1 − Σ‖x − x̂‖² / Σ‖x − mean‖²",
            nullable=True,
            telling=5,
        ),
        FieldSpec("l0", ("prompt",), "Active features per token", "features", telling=4),
        FieldSpec("mse", ("prompt",), "Mean squared error per number"),
        FieldSpec("loss", ("prompt",), "Mean next-token loss, untouched", "nats", True, telling=1),
        FieldSpec("loss_spliced", ("prompt",), "The same with x̂ in place of x", "nats", True),
        FieldSpec("loss_change", ("prompt",), "loss_spliced − loss", "nats", True, telling=3),
        # Of the chosen feature, on every prompt.
        FieldSpec("activation", _TOKENS, "Activation of the feature", telling=2),
        FieldSpec("peak", ("prompt",), "Where the feature is read when tokens are taken away"),
        FieldSpec(
            "ablated_text", _TOKENS,
            "Change of the activation there when this earlier token is taken away", nullable=True,
        ),
        FieldSpec(
            "direction_ablated", _TOKENS,
            "Change of each true next token's log-probability without the feature", "nats", True,
        ),
        FieldSpec(
            "alone", _TOKENS, "Activation at each token with a BOS, or nothing, in place of what "
            "stands before it", nullable=True,
        ),
        FieldSpec("from_embedding", (), "How well the embedding alone tells the activation"),
        # Of the chosen feature itself.
        FieldSpec("write", (), "Tokens that its decoder row raises and lowers most"),
        FieldSpec("read", (), "Tokens that its encoder column is nearest to and farthest from"),
        # Over the corpus.
        FieldSpec("examples", (), "Top examples, and examples of each interval"),
        FieldSpec("interval_edges", ("edge_of",), "Where the intervals part"),
        FieldSpec("interval_count", ("interval",), "Tokens in each interval"),
        FieldSpec("rule", (), "How examples are drawn"),
        FieldSpec("density", ("feature",), "Share of the corpus' tokens at which it is active",
            telling=-1),
        FieldSpec("largest", ("feature",), "Its largest activation over the corpus", telling=-1),
        FieldSpec("mean_active", ("feature",), "Its mean activation where it is active", "", True,
            telling=-1),
        FieldSpec("write_top", ("feature", "rank"), "Ids that its decoder row raises most",
            telling=-1),
        FieldSpec("feature_start", ("edge_of",), "Where each feature's entries begin", telling=-1),
        FieldSpec("entry_place", _ENTRY, "Window · length + position of an activation", telling=-1),
        FieldSpec("entry_value", _ENTRY, "The activation", telling=-1),
        FieldSpec("entries_of", (), "Whose entries are kept: all features', or the chosen one's"),
        FieldSpec("ids", ("window", "position"), "Token ids of the windows", telling=-1),
        FieldSpec("window_file", ("window",), "Which file a window is of", telling=-1),
        FieldSpec("window_start", ("window",), "The character where it begins", telling=-1),
        FieldSpec("files", (), "Names of the files"),
        FieldSpec("windows", (), "Windows that were read"),
        FieldSpec("tokens_read", (), "Their tokens, BOS not counted"),
        FieldSpec("corpus", (), "Name of the file or folder"),
        FieldSpec("corpus_sha256", (), "Which tokens of a text were read, to compare"),
        # Words for ids.
        FieldSpec("token_ids", ("token",), "Ids that occur here", telling=-1),
        FieldSpec("token_texts", ("token",), "Their texts, decoded alone", telling=-1),
        FieldSpec("token_pieces", ("token",), "Their pieces in the vocabulary", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)  # fmt: skip
