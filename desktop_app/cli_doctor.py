"""The command line's `doctor` and `--version`: what this machine and installation have and lack."""

from __future__ import annotations

from desktop_app.support import facts, installed


def version() -> str:
    """Return what `--version` prints."""
    known = facts.versions()
    return f"Lensbench {known['lensbench']} ({known['build']})"


def examine() -> facts.Facts:
    """Return facts by name: versions, devices, models, machine, folders, and what is wrong.

    What runs models is asked only where it is all there; the viewer says what it lacks.
    """
    where = {name: str(path) for name, path in facts.folders().items()}
    found: facts.Facts = {**facts.versions(), "Qt": _qt(), **facts.machine(), **_devices()}
    return {**found, **_models(), **where, **facts.troubles()}


def _qt() -> str:
    try:
        from PySide6.QtCore import qVersion
    except ImportError as error:  # a library of the system is missing: that is what to tell
        return f"cannot be loaded: {error}"
    return str(qVersion())


def _devices() -> facts.Facts:
    if installed.missing():
        return {}
    from desktop_app.engine.devices import list_devices
    from desktop_app.support.sizes import human_bytes

    return {
        device.device: f"{device.name}, {human_bytes(device.free)} free of "
        f"{human_bytes(device.total)}"
        for device in list_devices()
    }


def _models() -> facts.Facts:
    if installed.missing():
        return {}
    from desktop_app.engine.packs import pack

    waiting = "inside the program, made ready when it is first opened"
    return {
        f"model {n}": waiting if pack.is_waiting(n) else pack.pack_problem(n) or "installed"
        for n in pack.pack_names()
    }
