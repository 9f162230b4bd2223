"""The viewer where nothing but it is installed: `viewer_driver.py SESSION OUT`.

An import hook hides every library of the extra `compute`, then the session is opened, each result
drawn and exported, and a run asked for. What happened is printed as JSON.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

HIDDEN = frozenset(
    {
        *("torch", "transformers", "transformer_lens", "accelerate", "safetensors"),
        *("tokenizers", "gguf", "huggingface_hub"),
    }
)


class Hide:
    """Finds none of the hidden libraries, and says so."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ImportError(f"{name} is hidden")


gc.disable()  # as the program's door does
sys.meta_path.insert(0, Hide())  # before anything of the program is imported

from PySide6.QtWidgets import QApplication  # noqa: E402

from desktop_app import app, cli  # noqa: E402
from desktop_app.session.exports import export  # noqa: E402
from desktop_app.support.logs import LogBook  # noqa: E402
from desktop_app.widgets.basics.theme import apply_theme  # noqa: E402
from desktop_app.window.main_window import MainWindow  # noqa: E402
from tests.patience import wait_for  # noqa: E402


def colours(picture):
    """Return how many different colours a picture has, sampled."""
    image = picture.toImage()
    return len(
        {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    )


def main(path, out):
    """Open, draw, export, and ask for a run."""
    apply_theme(app.make_application(), "light")
    window = MainWindow(app.make_service, out / "config", LogBook())
    window.resize(1280, 800)
    window.panels.place()
    window.show()
    window.start(path)
    window.session.wait()
    QApplication.processEvents()
    drawn, failures = {}, {}
    for row in window.session.rows():
        window.results.asked.emit("show", row.id)
        assert window.views.current == row.analysis
        QApplication.processEvents()
        view = window.views[row.analysis]
        assert view.current_result is not None
        assert view.picture().save(str(out / f"{row.analysis}.png"))
        drawn[row.analysis] = colours(view.picture())
        for ending in ("json", "npz", "csv"):
            export(window.session.result(row.id), out / f"{row.analysis}.{ending}")
        window.actions_by_name["run"].trigger()
        failures[row.analysis] = view.read_out()["failure"]
    window.top_bar.model_button.click()
    wait_for(lambda: not window.models.dialog.banner.isHidden())
    maker = window.maker.open_dialog()
    wait_for(lambda: bool(maker.read_out()["prompts"]))
    found = {
        "drawn": drawn,
        "made": [len(maker.read_out()["prompts"]), maker.gate.button.isEnabled()],
        "failures": failures,
        "dialog": window.models.dialog.banner.text(),
        "banner": "" if window.banner.isHidden() else window.banner.text(),
        "model": window.top_bar.model_button.text(),
        "imported": sorted(HIDDEN & {name.split(".")[0] for name in sys.modules}),
    }
    window.models.dialog.close()
    maker.close()
    window.close()
    wait_for(lambda: not window.isVisible())
    found["cli"] = [
        cli.main(["run", "rank", "--model", "toy", "--prompt", "1 2"]),
        cli.main(["models"]),
    ]
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
