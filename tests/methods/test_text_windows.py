"""Windows of a text: whole, in order, those of each whole file; what serves no corpus is said."""

from __future__ import annotations

import os
from itertools import islice
from types import SimpleNamespace

import pytest
from transformers import AutoTokenizer

from desktop_app.contract.params import Params
from desktop_app.methods import text_windows
from desktop_app.methods.text_windows import OWN_NAME, TextWindows, lead_of
from desktop_app.support.errors import BadInputError
from tests.models import named, tiny

HAS_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
WORDS = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. "


def windows_of(text, window=16, tokens=10_000, model=None, **settings):
    return TextWindows(
        model or named("toy"), Params(**settings), str(text), window, tokens, "--text"
    )


def write(path, text=WORDS):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("bos", ["no", "yes"])
def test_they_are_the_files_own_tokens_cut_to_the_letter(bos, tmp_path):
    model, text = named("toy"), WORDS * 20
    found = windows_of(write(tmp_path / "my text.txt", text), bos=bos)
    encoded = model.tokenizer.encode(text, "no")
    lead = (model.tokenizer.bos_id,) if bos == "yes" else ()
    size = 16 - len(lead)
    got = list(found)
    assert found.lead == lead
    assert len(got) == len(encoded.ids) // size
    for number, window in enumerate(got):
        at = number * size
        assert window.ids == (*lead, *encoded.ids[at : at + size])
        assert (window.file, window.start) == (0, encoded.offsets[at][0])
        assert text[window.start :].startswith(encoded.texts[at])
    assert found.tokens == len(got) * size
    assert (found.corpus, found.files) == ("my text.txt", ("my text.txt",))


def test_no_more_is_read_than_is_asked_for(tmp_path):
    path = write(tmp_path / "a.txt", WORDS * 20)
    found = windows_of(path, 17, 100, bos="yes")
    assert len(list(found)) == found.most == 7  # 16 of the text each
    assert found.tokens == 112
    assert found.notices() == []
    other = tmp_path / "z.txt"
    other.write_bytes(b"\xff")  # never reached
    assert len(list(windows_of(tmp_path, 17, 100, bos="yes"))) == 7


def test_files_of_a_folder_in_the_order_of_their_names(tmp_path):
    for name in ("b.txt", "B.md", "a/z.txt", "a/b/c.TXT", "c/d.txt", ".git/x.txt", ".hidden.txt"):
        write(tmp_path / "corpus" / name)
    for name in ("picture.png", "SOURCES"):
        (tmp_path / "corpus" / name).write_bytes(b"\xff")
    write(tmp_path / "corpus" / "short.txt", "1 2")
    write(tmp_path / "corpus" / "empty.txt", "")
    found = windows_of(tmp_path / "corpus")
    got = list(found)
    order = ("B.md", "b.txt", "empty.txt", "short.txt", "a/z.txt", "a/b/c.TXT", "c/d.txt")
    assert found.files == order
    assert found.corpus == "corpus"
    assert [found.files[w.file] for w in got] == [
        name for name in order if name[:5] not in ("empty", "short") for _ in range(len(got) // 5)
    ]
    assert len({w.ids for w in got}) == len(got) // 5  # no window goes beyond its file
    assert found.short == 2
    notices = {notice.code: notice.message for notice in found.notices()}
    assert "2 files were left out" in notices["files_short"]
    assert f"holds {found.tokens:,} tokens" in notices["text_short"]


@HAS_PIPES
def test_links_that_lead_round_and_what_is_no_file_are_passed_by(tmp_path):
    write(tmp_path / "a.txt")
    (tmp_path / "b").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "c.txt").symlink_to(tmp_path / "c.txt")
    (tmp_path / "d.txt").symlink_to(tmp_path / "none.txt")
    os.mkfifo(tmp_path / "e.txt")
    (tmp_path / "f.txt").mkdir()
    (tmp_path / "g.txt").symlink_to(tmp_path / "a.txt")
    assert windows_of(tmp_path).files == ("a.txt", "g.txt")


def test_names_that_are_no_text_and_a_folder_named_by_a_dot(tmp_path, monkeypatch):
    odd = os.fsencode(tmp_path) + b"/\xff.txt"
    try:
        with open(odd, "w", encoding="utf-8") as file:
            file.write(WORDS)
    except OSError:
        pytest.skip("this drive takes no such names")
    monkeypatch.chdir(tmp_path)
    found = windows_of(".")
    assert found.files == ("\ufffd.txt",)
    assert found.corpus == tmp_path.name
    assert list(found)


def test_the_same_text_is_known_again(tmp_path):
    path = write(tmp_path / "a.txt", WORDS * 9)
    whole, part = windows_of(path), windows_of(path)
    after = [whole.sha256() for _window in whole]
    for _window in islice(part, 3):
        pass
    assert part.sha256() == after[2]
    assert len(set(after)) == len(after)
    other = windows_of(write(tmp_path / "b.txt", "Sunday" + WORDS * 9))
    assert list(other)
    assert other.sha256() not in after


@HAS_PIPES
def test_what_serves_no_corpus(tmp_path):
    empty, short = tmp_path / "none", write(tmp_path / "short.txt", "1 2")
    empty.mkdir()
    latin = tmp_path / "texts" / "latin.txt"
    write(latin).write_bytes(b"one\ntwo \xff\n")
    os.mkfifo(tmp_path / "pipe")
    for text, window, told in (
        (tmp_path / "no.txt", 16, "no such file"),
        (tmp_path / "pipe", 16, "a pipe or a device"),
        (empty, 16, "holds no .txt or .md file"),
        (short, 16, "no whole window of 16 tokens"),
        (short, 8_000, "--window 8,000 is more than toy reads: choose 256 or less"),
        (latin, 16, "line 2: not UTF-8"),
        (latin.parent, 16, "latin.txt, line 2: not UTF-8"),
        ("a\0b", 16, "cannot be read"),
        ("x" * 4_000, 16, "cannot be read"),
    ):
        with pytest.raises(BadInputError, match=told) as caught:
            list(windows_of(text, window))
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="no room behind the BOS"):
        windows_of(short, 1, bos="yes")


def test_a_folder_that_cannot_be_looked_into(tmp_path, monkeypatch):
    write(tmp_path / "a.txt")
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def scan(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(BadInputError, match=r"Permission denied: .*locked"):
        windows_of(tmp_path)


def test_a_folder_without_end_is_refused_by_what_there_is_too_much_of(tmp_path, monkeypatch):
    deep = tmp_path / "deep"
    write(deep.joinpath(*"aaa", "x.txt"))
    monkeypatch.setattr(text_windows, "MOST_DEPTH", 3)
    assert windows_of(deep).files == ("a/a/a/x.txt",)
    deep.joinpath(*"aaaa").mkdir()
    with pytest.raises(BadInputError, match="more than 3 folders one inside another"):
        windows_of(deep)
    many = tmp_path / "many"
    for number in range(5):
        write(many / f"{number}" / "a.txt", "1")
        write(many / f"{number}" / "picture.png", "1")
    monkeypatch.setattr(text_windows, "MOST_FILES", 4)
    with pytest.raises(BadInputError, match=r"more than 4 texts \(\.txt and \.md files\)"):
        windows_of(many)
    monkeypatch.setattr(text_windows, "MOST_FILES", 5)
    assert len(windows_of(many).files) == 5
    monkeypatch.setattr(text_windows, "MOST_NAMES", 14)
    with pytest.raises(BadInputError, match="more than 14 files and folders of any kind"):
        windows_of(many)


@pytest.mark.parametrize(
    ("whole", "lead"), [([9, 5], (9,)), ([5, 8], ()), ([9, 5, 8], (9,)), ([5], ()), ([4], ())]
)
def test_what_stands_behind_a_text_is_none_of_what_leads_it(whole, lead):
    """A tokenizer may end every text with a token of its own."""

    class Fixed:
        def with_bos(self, _bos):
            return self

        def encode(self, _text, bos=None):
            return SimpleNamespace(ids=[5] if bos == "no" else whole)

    assert lead_of(SimpleNamespace(tokenizer=Fixed()), Params()) == lead


def test_tokens_that_the_model_does_not_have(tmp_path):
    model, path = tiny("gpt2"), write(tmp_path / "a.txt", WORDS * 9)
    model_of = windows_of(path, model=model)
    largest = max(max(w.ids) for w in model_of)

    class Info:
        name, n_ctx, d_vocab = "narrow", 64, largest

    class Narrow:
        info, tokenizer = Info(), model.tokenizer

    with pytest.raises(BadInputError, match="does not belong to this model"):
        list(windows_of(path, model=Narrow()))


def test_without_a_text_it_is_the_corpus_that_comes_along(tmp_path, monkeypatch):
    found = windows_of("", 128)
    assert found.corpus == OWN_NAME
    assert len(found.files) >= 5
    assert all(name.endswith(".txt") for name in found.files)
    assert len(list(islice(found, 3))) == 3
    write(tmp_path / "a.txt", "1 2")
    monkeypatch.setattr(text_windows, "own_corpus", lambda: tmp_path)
    with pytest.raises(BadInputError, match=r"^Lensbench's own corpus holds no whole window"):
        list(windows_of(""))


@pytest.mark.pack
def test_the_own_corpus_is_enough_for_a_first_start(smollm2_folder):
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder)
    texts = [path.read_text("utf-8") for path in text_windows.own_corpus().glob("*.txt")]
    whole = [len(ids) // 255 for ids in tokenizer(texts).input_ids]
    assert 255 * sum(whole) >= 25_000
    assert min(whole) >= 3


def test_the_own_corpus_says_where_it_is_from():
    folder = text_windows.own_corpus()
    texts = sorted(folder.glob("*.txt"))
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 400_000
    sources = (folder / "SOURCES").read_text("utf-8")
    assert {path.name for path in folder.iterdir()} == {"SOURCES", *(p.name for p in texts)}
    for path in texts:
        assert sources.count(path.stem) == 1
        read = path.read_text("utf-8")
        assert read.endswith("\n")
        assert read.replace("\n", "").isprintable()
