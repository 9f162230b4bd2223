"""Draw the program's and the session's icon in every size that a desktop asks for.

    .venv/bin/python packaging/icons.py FOLDER

Each has two drawings in `resources/logo`: one with detail, and one with fewer and thicker lines for
the sizes at which detail would be mud.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

LOGO = Path(__file__).resolve().parent.parent / "resources" / "logo"
NAMES = ("lensbench", "session")
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
SMALL = 32
"""The largest size that the drawing with fewer lines serves."""
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
# Apple's names for a PNG of a size; the second of each pair serves screens of double density.
ICNS_KINDS = (
    *((b"icp4", 16), (b"ic11", 32), (b"icp5", 32), (b"ic12", 64)),
    *((b"ic07", 128), (b"ic13", 256), (b"ic08", 256), (b"ic14", 512), (b"ic09", 512)),
    (b"ic10", 1024),
)


def write(out: Path) -> dict[str, Path]:
    """Write every icon into a folder, which is made where it is missing.

    Returns:
        By file name: `lensbench-SIZE.png` for each of `SIZES`, `lensbench.svg`, `lensbench.ico`
        and `lensbench.icns`, and the same of `session`, the icon of a `.lens` file.

    Raises:
        ValueError: A drawing cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    contents: dict[str, bytes] = {}
    for name in NAMES:
        pictures = {size: png(name, size) for size in {*SIZES, *(s for _, s in ICNS_KINDS)}}
        contents |= {f"{name}-{size}.png": pictures[size] for size in SIZES}
        contents[f"{name}.svg"] = (LOGO / f"{name}.svg").read_bytes()
        contents[f"{name}.ico"] = ico({size: pictures[size] for size in ICO_SIZES})
        contents[f"{name}.icns"] = icns(pictures)
    for file, data in contents.items():
        (out / file).write_bytes(data)
    return {file: out / file for file in contents}


def png(name: str, size: int) -> bytes:
    """Return one icon as a PNG of `size` × `size` pixels.

    Raises:
        ValueError: The drawing is missing or no SVG.
    """
    _application()
    path = LOGO / f"{name}-small.svg" if size <= SMALL else LOGO / f"{name}.svg"
    renderer = QSvgRenderer(QByteArray(path.read_bytes()))
    if not renderer.isValid():
        raise ValueError(f"{path} cannot be drawn: it is no SVG.")
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub wants bytes
    return bytes(buffer.data().data())


def ico(pictures: dict[int, bytes]) -> bytes:
    """Return PNGs, by size, as one Windows icon."""
    head, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    offset = len(head) + 16 * len(pictures)
    for size, data in sorted(pictures.items()):
        side = size % 256  # 0 stands for 256
        head += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(data), offset + len(body))
        body += data
    return head + body


def icns(pictures: dict[int, bytes]) -> bytes:
    """Return PNGs, by size, as one macOS icon."""
    body = b"".join(
        kind + struct.pack(">I", 8 + len(pictures[size])) + pictures[size]
        for kind, size in ICNS_KINDS
    )
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def _application() -> None:
    """Have the application object without which Qt draws no text and warns; no screen is needed."""
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _kept.append(QGuiApplication([]))


_kept: list[QGuiApplication] = []


if __name__ == "__main__":
    for written in write(Path(sys.argv[1])).values():
        print(written)
