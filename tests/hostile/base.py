"""What is spoilt: a session with two results of every analysis, and sound models.

`base.py FOLDER` writes `good.lens` and `bases/` in a process of its own; `base.py FOLDER once` one
result of each analysis alone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from desktop_app.contract.registry import ANALYSES
from desktop_app.support.paths import resource
from tests.engine.zoo import save_tiny, tiny_model, tiny_tokenizer
from tests.hostile.model_files import ARCHITECTURES
from tests.hostile.tiny_gguf import write_tiny_gguf
from tests.session import toy_runs


def write_models(folder: Path) -> None:
    """Write the sound models: the toy, tiny ones, one in shards with an index, a GGUF file."""
    shutil.copytree(resource("toy"), folder / "toy")
    save_tiny("llama", folder / "tiny")
    for name in ARCHITECTURES:
        save_tiny(name, folder / name)
    tiny_model("llama").save_pretrained(folder / "split", max_shard_size="40KB")
    tiny_tokenizer().save_pretrained(folder / "split")
    assert (folder / "split" / "model.safetensors.index.json").is_file()
    write_tiny_gguf(folder / "tiny.gguf")


def main(folder: Path, *, once: bool) -> None:
    """Write everything; two results of an analysis can be compared with each other."""
    folder.mkdir(parents=True, exist_ok=True)
    write_models(folder / "bases")
    names = tuple(ANALYSES)
    toy_runs.write_session(folder / "good.lens", names if once else names + names)


if __name__ == "__main__":
    main(Path(sys.argv[1]), once="once" in sys.argv[2:])
