from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QPushButton, QWidget
from typing_extensions import override

from desktop_app.support.paths import resource
from desktop_app.widgets.basics.colormaps import (
    contrast_ratio,
    contrast_text,
    diverging_map,
    lookup,
    named_map,
    sequential_map,
)
from desktop_app.widgets.basics.fonts import load_fonts
from desktop_app.widgets.basics.icons import bind_icon, icon, icon_names
from desktop_app.widgets.basics.theme import (
    apply_theme,
    load_theme,
    set_role,
    style_sheet,
    theme_hub,
)

PAIRS = [
    ("text", "panel"),
    ("text", "selection"),
    ("text", "token_special"),
    ("text", "token_differs"),
    ("text_muted", "panel"),
    ("text_muted", "window"),
    ("text_muted", "hover"),
    ("accent", "panel"),
    ("accent_text", "accent"),
    ("accent", "accent_soft"),
    ("good", "good_soft"),
    ("warn", "warn_soft"),
    ("bad", "bad_soft"),
    ("mark", "token"),
    ("mark", "token_special"),
]


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_words_reach_the_contrast_of_wcag_aa(name, ink, ground):
    theme = load_theme(name)
    assert contrast_ratio(theme.color(ink), theme.color(ground)) >= 4.5


def test_contrast_of_black_and_white_is_21():
    assert contrast_ratio(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21.0)


def test_switching_changes_palette_sheet_and_tells_once(qapp, qtbot):
    with qtbot.waitSignal(theme_hub().theme_changed) as told:
        apply_theme(qapp, "dark")
    assert told.args[0].name == "dark"
    dark = load_theme("dark")
    assert qapp.palette().color(QPalette.ColorRole.Window) == dark.color("window")
    assert dark.colours["panel"] in qapp.styleSheet()
    with qtbot.assertNotEmitted(theme_hub().theme_changed):
        apply_theme(qapp, "dark")


def test_system_follows_the_desktop(qapp):
    apply_theme(qapp, "system")
    wanted = "dark" if qapp.styleHints().colorScheme().name == "Dark" else "light"
    assert theme_hub().current.name == wanted
    assert theme_hub().choice == "system"


def test_both_themes_name_the_same_colours():
    assert load_theme("light").colours.keys() == load_theme("dark").colours.keys()
    assert all(QColor(value).isValid() for value in load_theme("dark").colours.values())


def test_unknown_theme_is_refused():
    with pytest.raises(ValueError, match="no theme named sepia"):
        load_theme("sepia")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_sheet_leaves_no_placeholder_and_names_existing_pictures(name):
    sheet = style_sheet(load_theme(name))
    assert "$" not in sheet
    for part in sheet.split('url("themes:')[1:]:
        assert resource("themes", *part.split('"')[0].split("/")).is_file()


def test_all_bundled_faces_load():
    assert len(load_fonts()) == 5


def test_every_icon_draws_in_the_colour_asked_for():
    assert len(icon_names()) >= 45
    for name in icon_names():
        image = icon(name, "#ff0000").pixmap(QSize(32, 32)).toImage()
        inked = [
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() > 200
        ]
        assert inked, name
        assert all(c.red() > 240 and c.green() < 15 and c.blue() < 15 for c in inked), name


def test_bound_icon_follows_the_theme(qapp, qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    bind_icon(button, "run", "text")

    def darkest():
        image = button.icon().pixmap(QSize(32, 32)).toImage()
        solid = (image.pixelColor(x, y) for x in range(32) for y in range(32))
        return min((c.lightness() for c in solid if c.alpha() > 250), default=None)

    before = darkest()
    apply_theme(qapp, "dark")
    assert before < 60
    assert darkest() > 200


def test_unknown_icon_is_refused():
    with pytest.raises(ValueError, match="no icon named nothing"):
        icon("nothing")


def test_role_is_a_property(qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    set_role(button, "primary")
    assert button.property("role") == "primary"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_zero_is_the_panel_and_both_sides_grow_alike(name):
    theme = load_theme(name)
    table = lookup(diverging_map(theme), 257)
    panel = theme.color("panel")
    assert tuple(table[128, :3]) == (panel.red(), panel.green(), panel.blue())
    contrast = [contrast_ratio(QColor(*map(int, row[:3])), panel) for row in table]
    assert np.all(np.diff(contrast[:129]) <= 0.02)
    assert np.all(np.diff(contrast[128:]) >= -0.02)
    assert abs(contrast[0] - contrast[-1]) < 3


@pytest.mark.parametrize("name", ["light", "dark"])
def test_sequential_map_starts_at_the_panel_and_grows(name):
    theme = load_theme(name)
    table = lookup(sequential_map(theme), 257)
    panel = theme.color("panel")
    assert tuple(table[0, :3]) == (panel.red(), panel.green(), panel.blue())
    contrast = [contrast_ratio(QColor(*map(int, row[:3])), panel) for row in table]
    assert np.all(np.diff(contrast) >= -0.02)


def test_viridis_is_there_and_others_are_not():
    assert tuple(lookup(named_map("viridis"), 2)[0, :3]) == (0x44, 0x01, 0x54)
    with pytest.raises(ValueError, match="no colour map named jet"):
        named_map("jet")


def test_text_on_a_colour_is_the_one_that_reads_better():
    assert contrast_text(QColor("#ffffff")).lightness() < 60
    assert contrast_text(QColor("#0a2f6b")).lightness() > 200


def test_theme_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_theme("light").panel = "#000000"


def test_a_new_theme_draws_every_widget_anew(qapp, qtbot):
    painted = []

    class Painted(QWidget):
        @override
        def paintEvent(self, _event):
            painted.append(theme_hub().current.name)

    host = QWidget()
    qtbot.addWidget(host)
    Painted(host).resize(40, 40)
    host.show()
    qtbot.waitUntil(lambda: bool(painted))
    apply_theme(qapp, "dark")
    qtbot.waitUntil(lambda: painted[-1] == "dark")
