"""The icons that desktops, Windows and macOS ask for."""

from __future__ import annotations

import struct

import pytest
from PySide6.QtGui import QImage

from tests.packaging_.scripts import script

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def icons():
    return script("icons")


@pytest.fixture(scope="module")
def written(icons, qapp, tmp_path_factory):
    return icons.write(tmp_path_factory.mktemp("icons") / "missing")


def test_every_size_is_drawn(icons, written):
    for name in ("lensbench", "session"):
        for size in icons.SIZES:
            image = QImage(str(written[f"{name}-{size}.png"]))
            assert (image.width(), image.height()) == (size, size)
            assert image.pixelColor(0, 0).alpha() < 128, "the corner is not the icon's"
            middle = image.pixelColor(size // 2, size // 2)
            assert middle.alpha() == 255


def test_drawings_stay_sharp_and_differ(icons):
    assert icons.png("lensbench", icons.SMALL) != icons.png("session", icons.SMALL)
    assert icons.png("lensbench", 16) == icons.png("lensbench", 16)


def test_windows_icon_holds_its_pictures_where_it_says(icons, written):
    data = written["lensbench.ico"].read_bytes()
    reserved, kind, count = struct.unpack_from("<HHH", data)
    assert (reserved, kind, count) == (0, 1, len(icons.ICO_SIZES))
    for index, size in enumerate(icons.ICO_SIZES):
        entry = struct.unpack_from("<BBBBHHII", data, 6 + 16 * index)
        assert entry[0] == size % 256
        length, offset = entry[6:]
        image = QImage.fromData(data[offset : offset + length], "PNG")
        assert image.width() == size
    assert offset + length == len(data)


def test_mac_icon_holds_its_pictures_where_it_says(icons, written):
    data = written["session.icns"].read_bytes()
    assert data[:4] == b"icns"
    assert struct.unpack_from(">I", data, 4)[0] == len(data)
    at, found = 8, []
    while at < len(data):
        kind, length = struct.unpack_from(">4sI", data, at)
        found.append((kind, QImage.fromData(data[at + 8 : at + length], "PNG").width()))
        at += length
    assert found == list(icons.ICNS_KINDS)


def test_no_drawing_is_told(icons, qapp, tmp_path, monkeypatch):
    (tmp_path / "lensbench.svg").write_text("no drawing")
    monkeypatch.setattr(icons, "LOGO", tmp_path)
    with pytest.raises(ValueError, match=r"lensbench\.svg cannot be drawn"):
        icons.png("lensbench", 512)
