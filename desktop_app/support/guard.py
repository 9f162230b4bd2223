"""One guard for every method that Qt calls: an error in it is told, and Qt gets a sound answer.

Qt calls overridden methods such as `paintEvent` from C++, which knows nothing of exceptions.
PySide6 6.11 keeps an error until the interpreter is back in the code that had called Qt; on CPython
3.11, one that C code raised (an index out of range, a division by zero, `float("x")`) is kept in a
form that ends the process there. So nothing may leave such a method.

The guard is the `override` of this module, which all code that draws or hears uses in place of
that of `typing`: mypy and ruff take it for the very same, so that whoever overrides cannot forget
it (mypy's `explicit-override`), and a method costs one more call and no look-up. A metaclass or a
hook of PySide6's own types would reach every class as well, but out of sight, and before Shiboken
has finished making the class. Classes of other packages cannot be asked to use it: `guard_package`
wraps their methods where they are.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import traceback
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import override
else:

    def override(method: Callable[..., Any]) -> Callable[..., Any]:
        """Mark a method as one that overrides; one that Qt calls is guarded, too."""
        method.__override__ = True
        return guarded(method) if is_called_by_qt(method.__name__) else method


__all__ = ["guard_package", "guarded", "is_called_by_qt", "override", "raising"]

# Of objects, widgets, layouts, models, views, delegates, editors, icons, scenes and their items.
_NAMES = """
accept addItem boundingRect canFetchMore cleanText clone closeEditor collidesWithItem columnCount
contains controlTypes count createEditor createMimeDataFromSelection createStandardContextMenu
createWidget data destroyEditor displayText done dropMimeData edit editorEvent event eventFilter
expandingDirections fetchMore filterAcceptsColumn filterAcceptsRow fixup flags focusNextPrevChild
geometry hasChildren hasHeightForWidth headerData heightForWidth hidePopup hitTest horizontalOffset
index indexAt initPainter initStyleOption insertColumns insertFromMimeData insertRows invalidate
isEmpty isIndexHidden isObscuredBy itemAt itemChange itemData keyboardSearch layout lessThan
loadResource maximumSize metric mimeData mimeTypes minimumHeightForWidth minimumSize minimumSizeHint
moveCursor nativeEvent nextCheckState nextId opaqueArea paint paintEngine parent pixmap redirected
redo reject removeColumns removeRows reset resizeContent revert rowCount rowsInserted run
sceneEventFilter scrollContentsBy scrollTo selectAll selectedIndexes selectionChanged
selectionCommand setData setEditorData setGeometry setHeaderData setItemData setModelData setVisible
shape showPopup sizeHint sizeHintForColumn sizeHintForRow sort spacerItem span stepBy stepEnabled
submit supportedDropActions takeAt textFromValue undo updateEditorGeometry updateGeometries
updateGeometry validate validatePage valueFromText verticalOffset viewportSizeHint visualRect
visualRegionForSelection widget
"""
_CALLED = frozenset(_NAMES.split())
_MOST_TOLD = 200
_told: set[tuple[str, type, str]] = set()
_watching: list[list[Exception]] = []


def is_called_by_qt(name: str) -> bool:
    """Return whether a method of that name is one that Qt calls where a class overrides it."""
    return name in _CALLED or name.endswith("Event")


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that nothing leaves: it tells of an error and answers as its base class."""

    @functools.wraps(method)
    def safe(self: Any, *args: Any, **named: Any) -> Any:
        try:
            return method(self, *args, **named)
        except Exception as error:  # noqa: BLE001 - nothing may reach Qt
            _tell(method, error)
        return _neutral(safe, self, args, named)

    safe.is_guarded = True  # type: ignore[attr-defined]
    return safe


def guard_package(package: str) -> None:
    """Guard what Qt calls in the classes of another package, as far as they are imported.

    Args:
        package: Its dotted name; modules below it are meant too. Call it before any object is made.
    """
    from shiboken6 import Shiboken  # noqa: PLC0415 - where there is a class, there is Qt

    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for kind in list(vars(module).values()):
                if isinstance(kind, type) and issubclass(kind, Shiboken.Object):
                    _guard_class(kind, package)


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Raise the first error that is caught inside, once what is inside is over.

    For pictures that go to a file: one that lacks a part must not look like a whole one.
    """
    caught: list[Exception] = []
    _watching.append(caught)
    try:
        yield
    finally:
        _watching.pop()
    if caught:
        raise caught[0]


def _guard_class(kind: type, package: str) -> None:
    if f"{kind.__module__}.".startswith(f"{package}."):
        for name, method in list(vars(kind).items()):
            is_new = isinstance(method, FunctionType) and not hasattr(method, "is_guarded")
            if is_new and is_called_by_qt(name) and _is_qts(kind, name):
                setattr(kind, name, guarded(method))


def _is_qts(kind: type, name: str) -> bool:
    """Return whether Qt itself has a method of that name in a base class."""
    bases = (base for base in kind.__mro__[1:] if base.__module__.startswith("PySide6"))
    return any(name in vars(base) for base in bases)


def forget() -> None:
    """Forget which errors were told: each is told once more."""
    _told.clear()


def _tell(method: Callable[..., Any], error: Exception) -> None:
    """Hand an error to whoever watches, else to the excepthook: each once, as painting repeats."""
    if _watching:
        _watching[-1].append(error)
    else:
        key = (method.__qualname__, type(error), str(error))
        if key not in _told:
            if len(_told) >= _MOST_TOLD:
                _told.clear()
            _told.add(key)
            with contextlib.suppress(Exception):
                sys.excepthook(type(error), error, error.__traceback__)
    # A painter in one of its frames would still be painting when Qt ends the picture.
    traceback.clear_frames(error.__traceback__)


def _neutral(
    safe: Callable[..., Any], owner: Any, args: tuple[Any, ...], named: dict[str, Any]
) -> Any:
    """Return what the base class answers; a handler of events has nothing to answer."""
    name = safe.__name__
    if name.endswith("Event") and name not in {"viewportEvent", "editorEvent", "nativeEvent"}:
        return None
    kinds = type(owner).__mro__
    place = next((kind for kind in kinds if vars(kind).get(name) is safe), None)
    if place is not None:
        with contextlib.suppress(Exception):  # purely virtual ones have no answer of their own
            return getattr(super(place, owner), name)(*args, **named)
    return _empty(name)


def _empty(name: str) -> Any:
    from PySide6.QtCore import QModelIndex, QRect, QRectF, QSize, Qt  # noqa: PLC0415 - see above

    kinds: dict[str, Callable[[], Any]] = {
        "sizeHint": QSize,
        "minimumSize": QSize,
        "maximumSize": QSize,
        "geometry": QRect,
        "boundingRect": QRectF,
        "expandingDirections": lambda: Qt.Orientation(0),
        "index": QModelIndex,
        "parent": QModelIndex,
        **dict.fromkeys(("count", "rowCount", "columnCount"), int),
    }
    return kinds[name]() if name in kinds else None
