"""The vocabulary of the toy model: byte-level BPE whose merges spell out a chosen list of words.

A BPE trained to the end on a list of words makes every word of the list one token. Numbers, number
words, months, days and common short words are in the list with and without a leading space; any
other text falls back to smaller pieces and at last to bytes, so every text survives a round trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
CONTEXT = 256
LARGEST_NUMBER = 100


def split_words(text: str) -> list[str]:
    """Return the words of a list that is written as one text."""
    return text.split()


NUMBERS = [str(number) for number in range(LARGEST_NUMBER + 1)]
NUMBER_WORDS = split_words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
MONTHS = split_words(
    "January February March April May June July August September October November December"
)
DAYS = split_words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
FAMILIES = {"numbers": NUMBERS, "number_words": NUMBER_WORDS, "months": MONTHS, "days": DAYS}
CYCLIC = frozenset({"months", "days"})

WORDS = split_words(
    "a about after again all also an and any apple are as at back bad bag ball be bed been big "
    "bird black blue boat book box boy bread bus but by came can car cat child city cold come "
    "could cup dark day did do dog door down each eat egg end eye face far farm fast fire first "
    "fish five food for found friend from game gave get girl give go gold good got grass great "
    "green had hand has hat have he head hear help her here high hill him his home horse hot "
    "house how ice if in into is it its job just keep key king know lake large last late left "
    "let life light like line little long look low made make man many map me milk moon more most "
    "mother much must my name near new next night no nor north not now of off old on once only "
    "open or other our out over own park part path people place plane play queen rain ran read "
    "red right ring river road rock room run said same sat saw say school sea second see she "
    "ship shop short show side sing sit sky sleep small snow so some song soon south star stay "
    "stone stop street such sun table take talk tall tell than that the their them then there "
    "these they thing think this time to today together too town tree turn under up us very "
    "walk wall want warm was water way we week well went were what when where which white who "
    "why wife wind with wood word work world would year yes yet you young your"
)
OPENERS = split_words(
    "The A In It He She They Count Then Next Here Start Days Months Numbers Words List Order Say "
    "Look We You I And But So This That There One Two Three"
)
SIGNS = [*"+-=<>/*#%&@", "...", "->", "==", "\n\n"]


@dataclass(frozen=True)
class Vocabulary:
    """Token ids by role.

    Attributes:
        bos: Id of the token at the start of every text.
        ordinary: All ids that are no special token, ascending, int64 `[n_ordinary]`.
        bare: Per family the ids of its members without a leading space, in order.
        spaced: The same with a leading space.
        words: Ids of common words with a leading space.
        frames: Openings that may stand before a sequence ("Count:"), as ids.
        comma: Id of ",".
        newline: Id of a line end.
    """

    bos: int
    ordinary: NDArray[np.int64]
    bare: dict[str, list[int]]
    spaced: dict[str, list[int]]
    words: list[int]
    frames: list[list[int]]
    comma: int
    newline: int


def listed_words() -> list[str]:
    """Return every text that has to be one token, without repeats and in a fixed order."""
    plain = [*NUMBERS, *NUMBER_WORDS, *MONTHS, *DAYS, *WORDS, *OPENERS]
    texts = [*plain, *(f" {text}" for text in plain), *SIGNS]
    return list(dict.fromkeys(texts))


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer; it adds the BOS itself."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=10_000,  # never reached: training ends when every listed word is one token
        min_frequency=1,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(listed_words(), trainer)
    bos_id = core.token_to_id(BOS)
    core.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B:1", special_tokens=[(BOS, bos_id)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def single_id(tokenizer: PreTrainedTokenizerFast, text: str) -> int:
    """Return the id of a text that is one token.

    Raises:
        ValueError: The text is more than one token.
    """
    ids = tokenizer.encode(text, add_special_tokens=False)
    if len(ids) != 1:
        raise ValueError(f"{text!r} is {len(ids)} tokens; add it to the listed words.")
    return int(ids[0])


def read_vocabulary(tokenizer: PreTrainedTokenizerFast) -> Vocabulary:
    """Look up the ids that the training data is made of."""
    special = set(tokenizer.all_special_ids)
    ordinary = [token for token in range(len(tokenizer)) if token not in special]
    frames = ["Count:", "Days:", "Months:", "Numbers:", "Words:", "List:", "Then", "Next:", "Say"]
    return Vocabulary(
        bos=int(tokenizer.bos_token_id),
        ordinary=np.asarray(ordinary, dtype=np.int64),
        bare={name: [single_id(tokenizer, m) for m in FAMILIES[name]] for name in FAMILIES},
        spaced={name: [single_id(tokenizer, f" {m}") for m in FAMILIES[name]] for name in FAMILIES},
        words=[single_id(tokenizer, f" {word}") for word in WORDS],
        frames=[tokenizer.encode(frame, add_special_tokens=False) for frame in frames],
        comma=single_id(tokenizer, ","),
        newline=single_id(tokenizer, "\n"),
    )
