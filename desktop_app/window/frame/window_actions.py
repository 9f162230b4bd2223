"""The list of the main window's actions: name, place, shortcut."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QActionGroup

from desktop_app.contract.registry import ANALYSES
from desktop_app.window.frame.actions import ActionBook, ActionSpec

if TYPE_CHECKING:
    from desktop_app.window.frame.main_window import MainWindow

THEMES = (("system", "Follow the system", ""), ("light", "Light", "sun"), ("dark", "Dark", "moon"))


def make_actions(window: MainWindow) -> ActionBook:
    """Make every action of the window."""
    book = ActionBook(window)
    for spec in (*_file(window), *_prompts(window), *_model(window), *_run(window)):
        book.add(spec)
    _view(window, book)
    for spec in _help(window):
        book.add(spec)
    return book


def _file(window: MainWindow) -> list[ActionSpec]:
    menu, files = "&File", window.slots
    return [
        ActionSpec("new_session", "New session", menu, files.new_session, "Ctrl+Shift+N", "add"),
        ActionSpec("open_session", "Open session…", menu, files.open_session, "Ctrl+O", "open"),
        ActionSpec("save_session", "Save session", menu, files.save_session, "Ctrl+S", "save"),
        ActionSpec(
            "save_session_as", "Save session as…", menu, files.save_session_as, "Ctrl+Shift+S"
        ),
        ActionSpec("undo_delete", "Undo deleting a result", menu, files.undo_delete, icon="undo"),
        ActionSpec(
            "save_picture",
            "Export picture…",
            menu,
            files.save_picture,
            "Ctrl+Shift+E",
            "export",
            separated=True,
        ),
        ActionSpec(
            "copy_picture", "Copy picture", menu, files.copy_picture, "Ctrl+Shift+C", "copy"
        ),
        ActionSpec("copy_table", "Copy table", menu, files.copy_table, "Ctrl+Alt+C", "table"),
        ActionSpec(
            "compare",
            "Compare results…",
            menu,
            files.compare,
            "Ctrl+Shift+D",
            "compare",
            "Mark two results of one analysis in the history",
        ),
        ActionSpec("export_data", "Export data…", menu, files.export_data, "Ctrl+E", "download"),
        ActionSpec("quit", "Quit", menu, window.close, "Ctrl+Q", separated=True),
    ]


def _prompts(window: MainWindow) -> list[ActionSpec]:
    menu, table = "&Prompts", window.prompts.table
    return [
        ActionSpec("new_prompt", "New prompt", menu, table.add_row, "Ctrl+N", "add"),
        ActionSpec("copy_prompt", "Duplicate prompt", menu, table.duplicate_rows, "Ctrl+D", "copy"),
        ActionSpec(
            "remove_prompt", "Remove prompt", menu, table.remove_rows, "Ctrl+Shift+Del", "remove"
        ),
        ActionSpec(
            "undo_remove",
            "Undo removing prompts",
            menu,
            window.slots.undo_remove,
            "Ctrl+Shift+Z",
            "undo",
        ),
        ActionSpec(
            "paste_prompts",
            "Paste prompts",
            menu,
            table.paste_rows,
            "Ctrl+Shift+V",
            "table",
            "One prompt a line, or columns from a spreadsheet",
        ),
        ActionSpec(
            "open_prompts",
            "Open prompts…",
            menu,
            window.slots.open_prompts,
            icon="folder",
            separated=True,
        ),
        ActionSpec(
            "load_example",
            "Load the worked example",
            menu,
            window.slots.load_example,
            icon="reset",
            tip="The prompt of the first start, run in the first four tabs",
        ),
        ActionSpec("save_prompts", "Save prompts…", menu, window.slots.save_prompts, icon="save"),
    ]


def _model(window: MainWindow) -> list[ActionSpec]:
    menu = "&Model"
    return [
        ActionSpec("choose_model", "Choose model…", menu, window.slots.choose_model, "Ctrl+M"),
        ActionSpec("sweep_memory", "Memory for sweeps…", menu, window.choose_sweep_memory),
        ActionSpec("stop_loading", "Stop loading", menu, window.slots.stop_loading, icon="cancel"),
    ]


def _run(window: MainWindow) -> list[ActionSpec]:
    menu, slots = "&Run", window.slots
    return [
        ActionSpec("run", "Run", menu, slots.run_current, "Ctrl+R | F5", "run"),
        ActionSpec("run_all", "Run all tabs", menu, slots.run_all, "Ctrl+Shift+R", "play"),
        ActionSpec("stop", "Stop", menu, slots.stop, "Ctrl+. | Esc", "stop"),
        *_presets(window),
    ]


def _presets(window: MainWindow) -> list[ActionSpec]:
    found = [(name, preset) for name, a in ANALYSES.items() for preset in a.presets]
    return [
        ActionSpec(
            preset.key,
            preset.title,
            "&Run",
            partial(window.run_preset, name, preset),
            icon=preset.icon,
            tip=preset.tip,
            separated=place == 0,
        )
        for place, (name, preset) in enumerate(found)
    ]


def _view(window: MainWindow, book: ActionBook) -> None:
    menu, slots = "&View", window.slots
    openers = (
        slots.open_tab_1, slots.open_tab_2, slots.open_tab_3,
        slots.open_tab_4, slots.open_tab_5, slots.open_tab_6,
        slots.open_tab_7, slots.open_tab_8, slots.open_tab_9,
    )  # fmt: skip
    for place, (name, slot) in enumerate(zip(window.views, openers, strict=False), start=1):
        analysis = ANALYSES[name]
        book.add(
            ActionSpec(
                f"tab_{analysis.name}", analysis.title, menu, slot, f"Ctrl+{place}", analysis.name
            )
        )
    book.add(ActionSpec("search", "Search actions", menu, slots.search, "Ctrl+K", "search"))
    for key, dock in window.docks.items():
        book.adopt(f"dock_{key}", menu, dock.toggleViewAction())
    group = QActionGroup(window)
    theme_slots = {
        "system": slots.theme_system,
        "light": slots.theme_light,
        "dark": slots.theme_dark,
    }
    for key, text, icon in THEMES:
        spec = ActionSpec(f"theme_{key}", f"Theme: {text}", menu, theme_slots[key], icon=icon)
        group.addAction(book.add(spec)).setCheckable(True)
    book.add(ActionSpec("reset_layout", "Reset layout", menu, slots.reset_layout, icon="reset"))


def _help(window: MainWindow) -> list[ActionSpec]:
    menu, slots = "&Help", window.slots
    return [
        ActionSpec("help", "Help on this tab", menu, slots.help_here, "F1", "help"),
        ActionSpec("help_start", "Getting started", menu, slots.help_start),
        ActionSpec("show_log", "Log", menu, slots.show_log, "Ctrl+L"),
        ActionSpec("about", "About Lensbench", menu, slots.about, icon="info"),
    ]
