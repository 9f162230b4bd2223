"""What tests find in a window as a user or a screen reader does: by its kind and what it is called.

What is read comes from `read_out` of a view; these are for what is clicked, typed into or measured.
"""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget


def names(part):
    """Return what a part is called: its name for screen readers, and what stands on it."""
    told = [part.accessibleName()] if isinstance(part, QWidget) else []
    if isinstance(part, (QAbstractButton, QLabel)):
        told.append(part.text())
    return told


def in_sight(root, kind, name=""):
    """Return the parts of a kind that are shown wherever `root` is, all or those of that name."""
    QApplication.sendPostedEvents()  # what a layout was just given is shown by the next turn
    return [
        part
        for part in root.findChildren(kind)
        if part.isVisibleTo(root) and (not name or name in names(part))
    ]


def find(root, kind, name=""):
    """Return the one part of a kind, and of that name where it is given.

    Of several, such as on pages that are turned away, the one in sight is meant.
    """
    found = [part for part in root.findChildren(kind) if not name or name in names(part)]
    if len(found) > 1:
        found = in_sight(root, kind, name)
    assert len(found) == 1, f"{len(found)} of {kind.__name__} “{name}”"
    return found[0]


def press(root, name):
    """Click the button of that name, where it can be seen."""
    (found,) = in_sight(root, QAbstractButton, name)
    assert found.isEnabled(), f"“{name}” cannot be pressed"
    found.click()


def choose(box, entry):
    """Choose an entry of a box by its text or its place, as a user does."""
    index = box.findText(entry) if isinstance(entry, str) else entry
    assert 0 <= index < box.count()
    box.setCurrentIndex(index)
    box.activated.emit(index)


def said(root):
    """Return what the labels in sight say, uncut."""
    return [part.accessibleName() or part.text() for part in in_sight(root, QLabel)]
