"""The page about the program: versions, licences, folders, what is new, and what is known wrong."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from desktop_app.support import facts, installed, known_wrong, paths
from desktop_app.support.known_wrong import Found, Pair
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.about.about_dialog import AboutDialog
from desktop_app.window.frame import dialogs

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

PAIR = Pair.model_validate(
    {
        "id": "some-pair",
        "package": "numpy",
        "versions": "",
        "with": {"other": ""},
        "effect": "wrong numbers",
        "brief": "Sums are wrong.",
        "what": "Sums are too small.",
        "since": "numpy 1.",
        "install": "numpy>=3",
        "source": "Measured.",
    }
)
WRONG = Found(PAIR, "numpy 2.0 with other 4")


@pytest.fixture
def dialog(qtbot):
    """Return a function that opens the page at one of its parts."""
    made = []

    def at(page="about"):
        dialog = AboutDialog()
        made.append(dialog)
        qtbot.addWidget(dialog)
        dialog.open_at(page)
        return dialog

    yield at
    for one in made:
        one.close()


@pytest.fixture
def wrong(monkeypatch):
    monkeypatch.setattr(known_wrong, "found_here", lambda: (WRONG,))


def button(dialog, name):
    (found,) = [
        b for b in dialog.findChildren(QPushButton) if name in (b.text(), b.accessibleName())
    ]
    return found


# Each page.


def test_the_first_page_says_what_this_is_and_nothing_is_wrong(dialog):
    page = dialog().about
    words = " ".join(label.text() for label in page.findChildren(QLabel))
    assert f"Version {installed.package_version('lensbench')} · Python packages" in words
    assert "MIT licence" in words
    assert page.lacking.isHidden()
    assert page.wrong.isHidden()


def test_the_viewer_says_what_it_cannot_do(dialog, monkeypatch):
    monkeypatch.setattr(installed, "COMPUTE", ("no_such_library",))
    monkeypatch.setattr(installed, "build", lambda: "viewer")
    page = dialog().about
    assert "install the full Lensbench" in page.lacking.text()
    assert not page.lacking.isHidden()


def test_a_pair_that_is_wrong_leads_to_the_versions(dialog, wrong):
    shown = dialog()
    assert "Sums are wrong. Install numpy>=3." in shown.about.wrong.text()
    button(shown, "Versions").click()
    assert shown.page() == "versions"
    told = shown.versions.told.toPlainText()
    assert "numpy 2.0 with other 4: Sums are too small. Install numpy>=3." in told
    assert "Since: numpy 1." in told
    assert "Source: Measured." in told
    states = {row[0]: row[2] for row in shown.versions.table.texts()}
    assert states["numpy"] == states["other"] == "known wrong"
    assert states["torch"] == ""


def test_versions_are_a_table_to_be_copied(dialog, monkeypatch):
    monkeypatch.setattr(known_wrong, "found_here", tuple)
    page = dialog("versions").versions
    rows = {row[0]: row[1] for row in page.table.texts()}
    assert rows["Python"] == facts.versions()["python"]
    assert {"Lensbench", "torch", "Qt", "PySide6-Essentials"} <= set(rows)
    assert page.told.toPlainText() == "No two of these versions are known to be wrong together."
    assert "torch\t" in page.table.copy_table()


def test_licences_are_found_by_name_by_licence_and_by_kind(dialog, qtbot):
    page = dialog("licences").licences
    assert page.listed()[0] == "Lensbench"
    assert len(page.listed()) > 30
    assert page.text.toPlainText().startswith("Lensbench")
    for typed, wanted in (("smollm", "SmolLM2-135M-Instruct"), ("OFL", "Inter"), ("font", "Inter")):
        page.search.setText(typed)
        assert wanted in page.listed(), typed
        assert len(page.listed()) < 10
    page.search.setText("smollm")
    text = page.text.toPlainText()
    assert "Model · Apache-2.0" in text
    assert "by Hugging Face" in text
    assert "END OF TERMS AND CONDITIONS" in text
    page.search.setText("nothing is called so")
    assert page.listed() == ()
    assert page.text.toPlainText() == ""


def test_licences_are_walked_by_keys_alone(dialog, qtbot):
    page = dialog("licences").licences
    qtbot.waitUntil(page.window().isActiveWindow)
    page.search.setFocus()
    QTest.keyClick(page.search, Qt.Key.Key_Down)
    assert QApplication.focusWidget() is page.table
    QTest.keyClick(page.table, Qt.Key.Key_End)
    assert page.text.toPlainText().startswith(page.listed()[-1])


def test_every_folder_is_shown_and_copied(dialog, tmp_path, monkeypatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    shown = dialog("folders")
    asked = []
    shown.folder_wanted.connect(asked.append)
    for name in facts.folders():
        opens = button(shown, f"Open the {name}")
        assert opens.isEnabled() is (name == "program folder")
        assert bool(opens.toolTip()) is not opens.isEnabled()
        button(shown, f"Copy the path of the {name}").click()
        assert QApplication.clipboard().text() == str(shown.folders.path(name))
    assert "copied" in shown.said()
    paths.data_dir().mkdir()
    shown.open_at("about")
    shown.open_at("folders")
    button(shown, "Open the data folder").click()
    assert asked == [tmp_path / "data"]


def test_what_is_new_is_the_changelog_and_holds_nobody(dialog, qtbot):
    page = dialog("news").news
    qtbot.waitUntil(page.window().isActiveWindow)
    text = page.toPlainText()
    assert text.startswith("Changelog")
    assert "**" not in text
    assert "<a href" not in page.toHtml()
    page.setFocus()
    QTest.keyClick(page, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not page
    assert "Unreleased" in text or "0.1.0" in text


def test_without_a_changelog_a_sentence_says_so(dialog, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "document", tmp_path.joinpath)
    assert dialog("news").news.toPlainText().startswith("This installation has no changelog")


def test_all_facts_are_copied_for_a_report(dialog, wrong):
    shown = dialog()
    button(shown, "Copy for a report").click()
    text = QApplication.clipboard().text()
    assert text.startswith("lensbench ")
    for word in ("\ntorch ", "\nQt ", "\ndata folder ", "\nmemory ", "Sums are too small."):
        assert word in text
    assert shown.said() == "Copied."


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", ["about", "versions", "licences", "folders", "news"])
def test_it_fits_a_small_screen_in_both_themes(dialog, qapp, page, theme):
    shown = dialog(page)
    apply_theme(qapp, theme)
    least = shown.minimumSizeHint()
    assert least.boundedTo(QSize(1000, 640)) == least
    shown.resize(least)
    assert not shown.grab().isNull()


def test_escape_closes_it(dialog):
    shown = dialog()
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()


# From the window.


def test_the_menu_opens_it_once_and_at_what_was_asked(window, answers):
    window.actions_by_name["about"].trigger()
    first = window.about.dialog
    assert (first.page(), first.isVisible(), first.isModal()) == ("about", True, False)
    window.actions_by_name["whats_new"].trigger()
    assert window.about.dialog is first
    assert first.page() == "news"


def test_a_folder_is_shown_by_the_system_or_the_page_says_that_nothing_does(
    window, answers, monkeypatch
):
    shown = window.about.open("folders")
    button(shown, "Open the program folder").click()
    assert answers["folders"] == [facts.folders()["program folder"]]
    monkeypatch.setattr(dialogs, "show_folder", lambda path: False)
    button(shown, "Open the program folder").click()
    assert "copy the path instead" in shown.said()


def test_what_is_wrong_is_told_at_the_start_until_that_is_enough(
    open_window, service, wrong, caplog
):
    window = open_window(service)
    assert "Sums are wrong. Install numpy>=3." in window.hall.banner.text()
    assert not window.hall.banner.isHidden()
    assert "Sums are too small" in caplog.text
    button(window.hall.banner, "Details").click()
    assert window.about.dialog.page() == "versions"
    window.about.tell_at_start()
    assert caplog.text.count("Sums are too small") == 1
    button(window.hall.banner, "Do not say again").click()
    assert window.hall.banner.isHidden()
    window.close()
    again = open_window(service)
    assert again.hall.banner.isHidden()
    assert again.settings.told_wrong == ("some-pair",)


def test_what_lensbench_goes_around_stands_in_the_log_alone(
    open_window, service, monkeypatch, caplog
):
    caplog.set_level("INFO")
    around = Found(PAIR.model_copy(update={"guarded": True}), "numpy 2.0")
    monkeypatch.setattr(known_wrong, "found_here", lambda: (around,))
    window = open_window(service)
    assert window.hall.banner.isHidden()
    assert "Lensbench goes around it." in caplog.text
    assert (
        f"lensbench {installed.package_version('lensbench')}, build Python packages" in caplog.text
    )
