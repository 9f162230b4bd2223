"""What strangers wrote runs apart, within bounds, and can be stopped."""

from __future__ import annotations

import json

import psutil
import pytest

from desktop_app.engine.bounded import BoundedWorker
from desktop_app.engine.tokenizers.chat import ChatTemplate
from desktop_app.engine.tokenizers.tokenizer_guard import refuse_hostile
from desktop_app.support.errors import BadInputError, Cancelled, ModelLoadError
from tests.engine import token_files as made
from tests.engine.zoo import save_tiny, tiny_tokenizer

LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLING = (
    "{% set s = namespace(x='a') %}{% for i in range(40) %}{% set s.x = s.x ~ s.x %}{% endfor %}"
)
PLAIN = (
    "{% for m in messages %}{{ bos_token + '[' + m['role'] + '] ' + m['content'] | trim }}\n"
    "{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"
)


def template(text):
    import copy

    raw = copy.deepcopy(tiny_tokenizer())
    raw.chat_template = text
    return raw, ChatTemplate(raw)


def child_processes():
    return {child.pid for child in psutil.Process().children()}


def test_texts_come_out_as_the_library_writes_them():
    raw, chat = template(PLAIN)
    texts = ["Hello", " two\nlines ", "“quotes” 🙂", "Hello"]
    plain = [
        raw.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
        )
        for text in texts
    ]
    assert chat.expand(texts) == plain
    assert chat.expand(texts[:1]) == plain[:1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 'x' * 4000000000 }}", "wants more than 512 MB of memory"),
        (DOUBLING, "wants more than 512 MB of memory"),
        ("{{ 'x' * 1500000 }}", "writes 1,500,000 characters"),
        ("{% for i in range(200000) %}{% endfor %}", "cannot take the message (Range too big"),
        ("{{ raise_exception('roles must alternate') }}", "(roles must alternate)"),
        ("{{ no_such_token + 'a' }}", "'no_such_token' is undefined"),
        ("{% if %}", "cannot take the message"),
        ("{{ range(10**9)|list|join }}", "cannot take the message (Range too big"),
    ],
)
def test_a_template_that_fails_or_grows_is_refused_by_name(text, said):
    before = child_processes()
    _raw, chat = template(text)
    with pytest.raises(BadInputError, match="chat template") as caught:
        chat.expand(["Hello"])
    assert said in str(caught.value)
    assert str(caught.value).endswith(": run without --chat.")
    chat.close()
    assert child_processes() <= before


def test_a_template_without_end_is_ended():
    before = child_processes()
    _raw, chat = template(LOOP)
    with pytest.raises(BadInputError, match="does not come to an end within 2 seconds"):
        chat.expand(["Hello"])
    assert child_processes() <= before


def test_without_a_template_there_is_one_sentence():
    _raw, chat = template(None)
    with pytest.raises(BadInputError, match="no chat template: run without --chat"):
        chat.expand(["Hello"])
    raw, chat = template(PLAIN)
    raw.chat_template = {"tools": PLAIN, "long": PLAIN}
    with pytest.raises(BadInputError, match="several chat templates and none by default"):
        chat.expand(["Hello"])
    for odd in (5, [1], {"default": 5}):  # the message must not become “5”
        raw.chat_template = odd
        with pytest.raises(BadInputError, match="chat template is no text: run without --chat"):
            chat.expand(["Hello"])


def hostile(folder, change):
    made.save_folder(folder, made.byte_level(made.digits_alone()), "llama")
    path = folder / "tokenizer.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    return folder


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


@pytest.mark.parametrize(
    ("part", "steps"),
    [
        ("normalizer", [replace({"String": "a"}, "aa")] * 30),
        ("normalizer", [replace({"Regex": "[a]"}, "a" * 40)] * 3),
        ("normalizer", [{"type": "Prepend", "prepend": "a" * 100_000}]),
        ("decoder", [replace({"String": "a"}, "aaaa")] * 12),
    ],
)
def test_steps_that_make_a_text_explode_are_seen_in_the_file(tmp_path, part, steps):
    name = {"normalizer": "normalizers", "decoder": "decoders"}[part]
    folder = hostile(tmp_path, lambda told: told.update({part: {"type": "Sequence", name: steps}}))
    with pytest.raises(ModelLoadError, match=f"a {part} that can make a text over 1,000 times"):
        refuse_hostile(folder, lambda: None)


def test_a_special_token_of_a_million_ids_is_seen_in_the_file(tmp_path):
    special = {"id": "<s>", "ids": [1] * 1_000_000, "tokens": ["<s>"] * 1_000_000}
    pieces = [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    template = {"type": "TemplateProcessing", "single": pieces, "pair": pieces}

    def change(told):
        told["post_processor"] = {**template, "special_tokens": {"<s>": special}}

    folder = hostile(tmp_path, change)
    with pytest.raises(ModelLoadError, match="adds 1,000,001 special tokens"):
        refuse_hostile(folder, lambda: None)


def cut_by(pattern):
    return lambda told: told.update(
        pre_tokenizer={
            "type": "Split",
            "pattern": {"Regex": pattern},
            "behavior": "Isolated",
            "invert": False,
        }
    )


@pytest.mark.parametrize("pattern", ["(a+)+$", r"\d*\d*[!?]{3}", r"(\w|\w\w)*[!?]{3}"])
def test_patterns_without_end_are_refused(tmp_path, pattern):
    folder = hostile(tmp_path, cut_by(pattern))
    with pytest.raises(
        ModelLoadError, match=r"its tokenizer\.json (holds a pattern|cannot be used)"
    ):
        refuse_hostile(folder, lambda: None)


def test_a_trial_can_be_stopped(tmp_path):
    before = child_processes()
    folder = hostile(tmp_path, cut_by(r"\d*\d*[!?]{3}"))

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        refuse_hostile(folder, stop)
    assert child_processes() <= before


def test_an_odd_but_harmless_pattern_is_fine(tmp_path):
    refuse_hostile(hostile(tmp_path, cut_by(r"\p{N}{2}")), lambda: None)


@pytest.mark.parametrize("text", ["[]", "[" * 100_000, "{", '{"added_tokens": "x"}'])
def test_a_malformed_file_is_no_crash(tmp_path, text):
    made.save_folder(tmp_path, None, "llama")
    (tmp_path / "tokenizer.json").write_text(text)
    if text.startswith('{"'):
        refuse_hostile(tmp_path, lambda: None)  # the library's own to refuse
        return
    with pytest.raises(ModelLoadError):
        refuse_hostile(tmp_path, lambda: None)


def test_a_worker_answers_again_after_it_was_ended():
    worker = BoundedWorker("desktop_app.engine.tokenizers.chat_child")
    ask = {"template": "{{ messages[0].content }}!", "texts": ["a"], "specials": {}}
    assert worker.ask(ask).value == ["a!"]
    assert worker.ask({**ask, "template": "{{ 'x' * 4000000000 }}"}).failed == "memory"
    assert worker.ask(ask).value == ["a!"]
    assert worker.ask({**ask, "texts": ["b"]}).value == ["b!"]
    worker.close()


@pytest.mark.model
def test_a_hostile_folder_ends_the_load_with_one_sentence(tmp_path):
    from desktop_app.contract.report import SilentReporter
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.loading import load, load_tokenizer

    folder = save_tiny("llama", tmp_path / "tiny")
    path = folder / "tokenizer.json"
    told = json.loads(path.read_text())
    told["normalizer"] = {
        "type": "Sequence", "normalizers": [replace({"String": "a"}, "aa")] * 30
    }  # fmt: skip
    path.write_text(json.dumps(told))
    spec = ModelSpec(str(folder), device="cpu")
    for opened in (lambda: load(spec, SilentReporter()), lambda: load_tokenizer(spec)):
        with pytest.raises(ModelLoadError, match="over 1,000 times as long") as caught:
            opened()
        assert caught.value.exit_code == 3
        assert str(tmp_path / "tiny") in str(caught.value)
