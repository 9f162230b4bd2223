"""Which of a folder's files hold the model's weights, and what lies there where none do.

The very files that transformers reads, by the same rules, so that what is fingerprinted, checked
and loaded is one and the same. No torch.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any

from desktop_app.engine.checkpoints.stored import (
    MAX_JSON_BYTES,
    HeaderError,
    parse_json,
    safetensors_header,
)
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from desktop_app.engine.checkpoints.stored import Stored

_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLE, _PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_SHARD = re.compile(r"^(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.(safetensors|bin)$")
_VARIANT = re.compile(r"^model\.(?P<variant>\w+)(-\d{5}-of-\d{5})?\.safetensors$")
_POINTER = b"version https://git-lfs"
_POINTER_BYTES = 1024
MAX_CONFIG_BYTES = 4_000_000
_MOST_PICKLED_ENTRIES = 1_000_000
# The program that puts a checkpoint's tensors together has some two hundred bytes for each.
_MOST_PROGRAM_BYTES = 1_500_000
_ADAPTERS = (
    "adapter_config.json", "adapter_model*", "adapters.*", "lora.*", "*lora_weights.*",
)  # fmt: skip
_READ = frozenset((".safetensors", ".bin", ".json", ".model"))
# Files that hold weights of a kind that is not read, by how their names end.
_FOREIGN = {
    ".h5": "TensorFlow weights",
    ".msgpack": "Flax weights",
    ".onnx": "an ONNX model",
    ".ot": "Rust weights",
    ".pth": "a checkpoint in the layout of its authors",
    ".pt": "a PyTorch file of its own kind",
    ".ckpt": "a training checkpoint",
    ".nemo": "a NeMo archive",
    ".distcp": "a distributed training checkpoint",
}
_TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json",
    "sentencepiece.bpe.model", "spm.model", "vocab.bpe", "bpe.codes", "*.tiktoken",
)  # fmt: skip


def read_json(path: Path, most: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Read a JSON object of bounded size, or say what is wrong with the file.

    Raises:
        ModelLoadError: It cannot be read, or is none.
    """
    refuse_pointer(path)
    try:
        if path.stat().st_size > most:
            raise ModelLoadError(f"{path} is too large to be a model's settings: remove it.")
        value = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"{path} cannot be read ({error}): fetch the model again.") from None
    if not isinstance(value, dict):
        raise ModelLoadError(f"{path} does not hold a JSON object: fetch the model again.")
    return value


def refuse_pointer(path: Path) -> None:
    """Refuse a file that only says where large-file storage keeps the real one."""
    try:
        if not path.is_file() or path.stat().st_size > _POINTER_BYTES:
            return
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
    except OSError:
        return
    if start == _POINTER:
        raise ModelLoadError(
            f"{path.name} is a pointer of git's large-file storage and not the file itself: run "
            "“git lfs pull” in that folder, or fetch the model again."
        )


def refuse_no_model(folder: Path) -> None:
    """Refuse a folder that holds something else than one whole model.

    Raises:
        ModelLoadError: The sentence names what it holds and the step that helps.
    """
    odd = next(
        (p for p in folder.iterdir() if p.exists() and not (p.is_file() or p.is_dir())), None
    )
    if odd is not None:
        raise ModelLoadError(
            f"{odd} is no file that could be read to its end but a pipe or a device: take it away."
        )
    gone = next((p for p in folder.iterdir() if p.suffix in _READ and _leads_nowhere(p)), None)
    if gone is not None:
        raise ModelLoadError(
            f"{gone} is a link to a file that is not there: fetch the model again."
        )
    if (folder / "model_index.json").is_file():
        raise ModelLoadError(
            f"{folder} holds a diffusion pipeline, which predicts no next token: choose a causal "
            "language model."
        )
    if any(_any(folder, pattern) for pattern in _ADAPTERS):
        raise ModelLoadError(
            f"{folder} holds an adapter{_base_of(folder)} whose weights would not be read: merge "
            "it into its base model, save that and open its folder, or take the adapter's files "
            "away."
        )
    if (folder / "config.json").is_file():
        return
    raise ModelLoadError(_without_config(folder))


def refuse_no_tokenizer(folder: Path) -> None:
    """Refuse a folder without any file that a tokenizer could be made of."""
    found = next((p for name in _TOKENIZERS for p in sorted(folder.glob(name))), None)
    if found is None:
        raise ModelLoadError(
            f"{folder} holds no tokenizer: put the model's tokenizer.json (or tokenizer.model, or "
            "vocab.json and merges.txt) beside config.json."
        )
    refuse_pointer(found)


def weight_files(folder: Path, config: Mapping[str, Any]) -> tuple[list[Path], bool]:
    """Return the files that transformers would read, and whether they are pickles.

    Raises:
        ModelLoadError: There are none, or not all; the sentence names what lies there.
    """
    named = config.get("transformers_weights")
    if named is not None:
        named = _plain_name(named, folder / "config.json")
        files = _listed(folder / named) if named.endswith(".json") else [folder / named]
        if not named.endswith((".safetensors", ".safetensors.index.json")):
            raise ModelLoadError(
                f"{folder / 'config.json'} names {named} as its weights, which are no "
                "safetensors: correct it."
            )
    elif (folder / _WHOLE).is_file():
        files = [folder / _WHOLE]
    elif (folder / _INDEX).is_file():
        files = _listed(folder / _INDEX)
    elif (folder / _PICKLE).is_file():
        return _checked_pickles([folder / _PICKLE]), True
    elif (folder / _PICKLE_INDEX).is_file():
        return _checked_pickles(_listed(folder / _PICKLE_INDEX)), True
    else:
        raise ModelLoadError(_without_weights(folder))
    for path in files:
        if not path.is_file():
            raise ModelLoadError(f"{folder} lacks {path.name}: fetch it.")
    return files, False


def stored_tensors(files: Sequence[Path]) -> dict[str, Stored]:
    """Return all tensors of safetensors files by name.

    Raises:
        ModelLoadError: A file is damaged or cut off, or two hold tensors of one name.
    """
    found: dict[str, Stored] = {}
    for path in files:
        refuse_pointer(path)
        try:
            tensors = safetensors_header(path)
        except (OSError, HeaderError) as error:
            raise ModelLoadError(
                f"{path.name} is damaged or cut off ({error}): fetch or copy it again."
            ) from None
        twice = next((name for name in tensors if name in found), None)
        if twice is not None:
            raise ModelLoadError(
                f"{path.name} holds “{twice[:80]}”, which another file of the model holds too: "
                "only one of them would be read, so fetch the model again."
            )
        found |= tensors
    return found


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _any(folder: Path, pattern: str) -> bool:
    return next(iter(folder.glob(pattern)), None) is not None


def _base_of(folder: Path) -> str:
    """Return which model an adapter says it belongs to, in words."""
    try:
        base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    except ModelLoadError:
        return ""
    return f" for “{base[:80]}”" if isinstance(base, str) and base else ""


def _plain_name(name: Any, said_by: Path) -> str:
    """Return a file's name as another file gives it; refuse one that leads elsewhere."""
    is_plain = (
        isinstance(name, str) and not set(name) & set("/\\\0:") and name not in {"", ".", ".."}
    )
    if not is_plain:
        raise ModelLoadError(
            f"{said_by} names the weight file “{str(name)[:80]}”, which is no plain file name: "
            "weights are read from the model's own folder alone, so fetch the model again."
        )
    return str(name)


def _listed(index: Path) -> list[Path]:
    """Return the shards that an index names, each of them there, and none left out."""
    said = read_json(index)
    listed = said.get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise ModelLoadError(f"{index} names no weight files: fetch the model again.")
    names = {_plain_name(name, index) for name in listed.values()}
    if not isinstance(said.get("metadata"), dict):  # which transformers needs
        raise ModelLoadError(f"{index} has no metadata: fetch it again.")
    folder = index.parent
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing:
        more = f" and {len(missing) - 1} more of its {len(names)} files" if missing[1:] else ""
        raise ModelLoadError(f"{folder} lacks {missing[0]}{more}, which its index names: fetch it.")
    kinds = {(m["stem"], m["count"]) for m in map(_SHARD.match, names) if m}
    for path in sorted(folder.iterdir()):
        match = _SHARD.match(path.name)
        if match and (match["stem"], match["count"]) in kinds and path.name not in names:
            raise ModelLoadError(
                f"{index} does not name {path.name}, so that part of the weights would not be "
                "read: fetch the index again."
            )
    return [folder / name for name in sorted(names)]


def _checked_pickles(files: list[Path]) -> list[Path]:
    """Refuse pickles that are packed: what they unpack to is known only when it is too late."""
    for path in files:
        refuse_pointer(path)
        try:
            if not zipfile.is_zipfile(path):
                continue
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
            raise ModelLoadError(
                f"{path.name} is damaged or cut off ({error}): fetch or copy it again."
            ) from None
        if any(e.filename.endswith(".pkl") and e.file_size > _MOST_PROGRAM_BYTES for e in entries):
            raise ModelLoadError(
                f"{path.name} holds far more than weights: save the model as .safetensors."
            )
        is_packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        unpacked = sum(entry.file_size for entry in entries)
        if is_packed or unpacked > path.stat().st_size or len(entries) > _MOST_PICKLED_ENTRIES:
            raise ModelLoadError(
                f"{path.name} is a compressed pickle, whose content has no known bound: save the "
                "model as .safetensors."
            )
    return files


def _without_config(folder: Path) -> str:
    """Say what a folder holds that is no model folder, and what helps."""
    gguf = sorted(folder.glob("*.gguf"))
    if gguf:
        return f"{folder} holds GGUF files and no config.json: open {gguf[0].name} itself."
    if _any(folder, "diffusion_pytorch_model*"):
        return f"{folder} holds a part of a diffusion pipeline: choose a causal language model."
    if _any(folder, "consolidated*") or (folder / "params.json").is_file():
        return (
            f"{folder} holds a checkpoint in the layout of its authors, without config.json: fetch "
            "the model's Hugging Face version."
        )
    return (
        f"{folder} is not a model folder, since it holds no config.json: choose the folder that "
        "does, or a .gguf file."
    )


def _without_weights(folder: Path) -> str:
    """Say what lies beside a config.json where the weights should be, and what helps."""
    stored = sorted(path.name for path in folder.glob("*.safetensors"))
    shards = [name for name in stored if _SHARD.match(name)]
    variants = [m for m in map(_VARIANT.match, stored) if m]
    if variants:
        match = variants[0]
        return (
            f"{folder} holds the variant “{match['variant']}” of the weights alone "
            f"({match.group()}): fetch the model without a variant, or name that file {_WHOLE}."
        )
    if shards:
        return (
            f"{folder} holds weights in parts ({shards[0]}) without their index: put {_INDEX} "
            "beside them."
        )
    if stored:
        return (
            f"{folder} holds {stored[0]} and no {_WHOLE}: if that file is the whole model in "
            f"Hugging Face's layout, name it {_WHOLE}; else fetch the model again."
        )
    return _without_safetensors(folder)


def _without_safetensors(folder: Path) -> str:
    gguf = sorted(folder.glob("*.gguf"))
    if gguf:
        return f"{folder} holds its weights as GGUF: open {gguf[0].name} itself."
    if _any(folder, "pytorch_model-*-of-*.bin"):
        return (
            f"{folder} holds weights in parts without their index: put {_PICKLE_INDEX} beside "
            "them, or save the model as .safetensors."
        )
    for path in sorted(folder.iterdir()):
        what = _FOREIGN.get(path.suffix.lower())
        if what is not None:
            return (
                f"{folder} holds {what} ({path.name}), which are not read: fetch or save the model "
                "as .safetensors."
            )
    return f"{folder} holds no weights: put its .safetensors files beside config.json."


def describe_names(names: Sequence[str]) -> str:
    """Return a few names for a sentence: the first, and how many more."""
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"“{names[0][:80]}”{more}"
