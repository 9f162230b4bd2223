"""Spoilt model folders: whole files, special files, files beside, settings."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.hostile import values

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

EVIL = "evil-was-here"
SOUND = ("toy", "tiny", "split")
ARCHITECTURES = ("falcon", "gemma2", "gpt_neox", "mixtral", "opt")
FOLDERS = SOUND + ARCHITECTURES
SLOW_TEXT = "1 2 3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! 4"

BROKEN_TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"text"',
    "a number": b"1e999",
    "Infinity": b"Infinity",
    "an empty object": b"{}",
    "an open bracket": b"{",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b'{"a":' * 900 + b"1" + b"}" * 900,
    "not UTF-8": b"\xff\xfe{\x00}\x00\x80",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "zeros": bytes(4096),
    "a long number": b'{"n_layer": ' + b"9" * 6000 + b"}",
    "a pointer file": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n",
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
}


@dataclass(frozen=True)
class SpoiltModel:
    """A spoilt model.

    Attributes:
        path: What `--model` is given.
        what: What was done to it.
        options: Further options of the run.
        refused: Whether only a refusal is right.
    """

    path: Path
    what: str
    options: tuple[str, ...] = ()
    refused: bool = False


def copy_of(bases: Path, place: Path, throw: random.Random, *names: str) -> Path:
    name = throw.choice(names or FOLDERS)
    target = place / "model"
    shutil.copytree(bases / name, target)
    return target


def edit_json(path: Path, edit: Callable[[Any], Any]) -> None:
    found = edit(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(found), encoding="utf-8")


# --- whole files


def text(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.json")))
    how = throw.choice(sorted(BROKEN_TEXTS))
    path.write_bytes(BROKEN_TEXTS[how])
    is_needed = path.name in {"config.json", "tokenizer.json"}
    return SpoiltModel(folder, f"{path.name} is {how}", refused=is_needed)


def cut(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.iterdir()))
    content = path.read_bytes()
    kept = throw.randrange(len(content) - 1)
    path.write_bytes(content[:kept])
    is_needed = path.suffix == ".safetensors" or path.name in {"config.json", "tokenizer.json"}
    return SpoiltModel(folder, f"{path.name} ends after {kept:,} bytes", refused=is_needed)


def special_file(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.iterdir()))
    path.unlink()
    ways: dict[str, Callable[[], object]] = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a link to itself": lambda: path.symlink_to(path.name),
        "a link to nowhere": lambda: path.symlink_to("nowhere"),
        "a device without end": lambda: path.symlink_to("/dev/zero"),
        "not there": lambda: None,
    }
    how = throw.choice(sorted(ways))
    ways[how]()
    is_needed = path.suffix == ".safetensors" or path.name == "config.json"
    return SpoiltModel(folder, f"{path.name} is {how}", refused=is_needed)


def further_file(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Files beside a sound model that say what nobody asked for."""
    folder = copy_of(bases, place, throw)
    files: dict[str, bytes] = {
        "adapter_config.json": b'{"peft_type": "LORA", "base_model_name_or_path": "../../x"}',
        "chat_template.jinja": b"{% for i in range(10**9) %}x{% endfor %}",
        "generation_config.json": b'{"max_length": "a", "eos_token_id": [[1]]}',
        "special_tokens_map.json": b'{"bos_token": {"content": 7}}',
        "added_tokens.json": b'{"<x>": -5, "<y>": 99999999999}',
        "modeling_evil.py": f"open({str(folder / EVIL)!r}, 'w')".encode(),
        "tokenizer.model": bytes(range(256)) * 20,
        "model.fp16.safetensors": b"\xff" * 200,
        "quantize_config.json": b'{"bits": 4}',
        "preprocessor_config.json": b"[",
        "vocab.json": b"[" * 50_000,
        "merges.txt": b"\x00" * 5000,
    }
    name = throw.choice(sorted(files))
    (folder / name).write_bytes(files[name])
    options = ("--chat",) if name == "chat_template.jinja" else ()
    return SpoiltModel(folder, f"with {name}", options)


# --- the settings


ABSURD = (
    *("n_layer", "num_hidden_layers", "n_embd", "hidden_size", "n_head", "vocab_size"),
    *("num_attention_heads", "n_positions", "max_position_embeddings", "num_key_value_heads"),
    *("intermediate_size", "n_inner", "head_dim"),
)


def absurd_size(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw)
    found = json.loads((folder / "config.json").read_text())
    name = throw.choice([n for n in ABSURD if n in found] + ["n_layer", "num_hidden_layers"])
    value = throw.choice((-1, 0, 1, 20_000, 10**6, 10**9, 2**40, 2**70, 3, 5, 1.5))
    edit_json(folder / "config.json", lambda c: {**c, name: value})
    return SpoiltModel(folder, f"{name} = {value}")


def setting(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder, where = copy_of(bases, place, throw), ""

    def edit(config: Any) -> Any:
        nonlocal where
        more = ("rope_scaling", "rope_parameters", "quantization_config", "text_config", "id2label")
        name = throw.choice([*config, *more, "attention_bias", "sliding_window", "layer_types"])
        value = values.hostile(throw)
        where = f"{name} = {values.short(value)}"
        return {**config, name: value}

    edit_json(folder / "config.json", edit)
    return SpoiltModel(folder, where)


def other_kind(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Says of itself that it is something else."""
    folder = copy_of(bases, place, throw)
    changes: tuple[dict[str, Any], ...] = (
        {"model_type": "bert"},
        {"model_type": "t5", "is_encoder_decoder": True},
        {"model_type": "mamba"},
        {"model_type": "telepathy"},
        {"model_type": "../../x"},
        {"model_type": None},
        {"model_type": ["gpt2"]},
        {"architectures": []},
        {"architectures": ["GPT2ForSequenceClassification"]},
        {"architectures": ["os.system"]},
        {"architectures": [values.ESCAPES]},
        {"auto_map": {"AutoConfig": "modeling_evil.Evil", "AutoModelForCausalLM": "x.Y"}},
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        {"quantization_config": {"quant_method": values.PICTURE}},
        {"quantization_config": {"quant_method": "fp8"}},
        {"dtype": "float8_e4m3fn"},
        {"dtype": "__import__('os')"},
        {"rope_scaling": {"rope_type": "dynamic", "factor": -1}},
        {"tie_word_embeddings": "no"},
        {"name_or_path": "/dev/zero", "_name_or_path": "../.."},
    )
    change = throw.choice(changes)
    (folder / "modeling_evil.py").write_text(f"open({str(folder / EVIL)!r}, 'w')")
    edit_json(folder / "config.json", lambda c: {**c, **change})
    return SpoiltModel(folder, values.short(change))
