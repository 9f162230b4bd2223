from __future__ import annotations

import pytest

from desktop_app.pictures.token_text import display_text, token_label


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" 2", "␠2"),
        ("Ġ2", "␠2"),
        ("▁2", "␠2"),
        ("ĠĠ", "␠␠"),
        ("Ċ", "↵"),
        ("ĊĊ", "↵↵"),
        ("\n", "↵"),
        ("\t", "⇥"),
        ("\r", "␍"),
        ("\x00", "␀"),
        ("\x7f", "␡"),
        ("\u00a0", "⍽"),
        ("\u200b", "\u2039U+200B\u203a"),
        ("\ufeff", "\u2039U+FEFF\u203a"),
        ("\u2009", "\u2039U+2009\u203a"),
        ("<0x0A>", "\u20390A\u203a"),
        ("<0xe2>", "\u2039E2\u203a"),
        ("\u0301", "◌\u0301"),
        ("a b", "a␠b"),
        ("déjà", "déjà"),
        ("Ħal Għargħur", "Ħal␠Għargħur"),
        ("日本", "日本"),
        ("", ""),
    ],
)
def test_nothing_stays_invisible(text, shown):
    assert display_text(text) == shown


def test_shown_texts_hold_no_whitespace():
    everything = "".join(chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000)
    assert not any(character.isspace() for character in display_text(everything))


@pytest.mark.parametrize(
    ("piece", "text", "label"),
    [
        ("Ġ2", " 2", "␠2"),
        ("âĢ", "\ufffd", "\u2039E2 80\u203a"),
        ("<0xE2>", "\ufffd", "\u2039E2\u203a"),
        ("\ufffd", "\ufffd", "\ufffd"),
        ("Ġ" * 16, " " * 16, "␠×16"),
        ("ĠĠ", "  ", "␠␠"),
        ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),
        ("<s>", "", "<s>"),
        ("", "", "∅"),
    ],
)
def test_label_is_the_text_or_its_bytes(piece, text, label):
    assert token_label(piece, text) == label
