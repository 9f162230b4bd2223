"""What the programs need from the system, and which packages hold it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

# What Qt loads from the system: library -> package for apt-get, dnf, pacman. fontconfig comes
# with a font, without which every label is a row of boxes.
LIBRARIES = {
    "libEGL.so.1": "libegl1|libglvnd-egl|libglvnd",
    "libGL.so.1": "libgl1|libglvnd-glx|libglvnd",
    "libGLX.so.0": "libgl1|libglvnd-glx|libglvnd",
    "libOpenGL.so.0": "libopengl0|libglvnd-opengl|libglvnd",
    "libX11.so.6": "libx11-6|libX11|libx11",
    "libX11-xcb.so.1": "libx11-xcb1|libX11-xcb|libx11",
    "libdbus-1.so.3": "libdbus-1-3|dbus-libs|dbus",
    "libfontconfig.so.1": (
        "libfontconfig1 fonts-dejavu-core|fontconfig dejavu-sans-fonts|fontconfig ttf-dejavu"
    ),
    "libfreetype.so.6": "libfreetype6|freetype|freetype2",
    "libglib-2.0.so.0": "libglib2.0-0|glib2|glib2",
    "libgthread-2.0.so.0": "libglib2.0-0|glib2|glib2",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2|krb5-libs|krb5",
    "libstdc++.so.6": "libstdc++6|libstdc++|gcc-libs",
    "libwayland-client.so.0": "libwayland-client0|libwayland-client|wayland",
    "libwayland-cursor.so.0": "libwayland-cursor0|libwayland-cursor|wayland",
    "libxcb.so.1": "libxcb1|libxcb|libxcb",
    "libxcb-cursor.so.0": "libxcb-cursor0|xcb-util-cursor|xcb-util-cursor",
    "libxcb-icccm.so.4": "libxcb-icccm4|xcb-util-wm|xcb-util-wm",
    "libxcb-image.so.0": "libxcb-image0|xcb-util-image|xcb-util-image",
    "libxcb-keysyms.so.1": "libxcb-keysyms1|xcb-util-keysyms|xcb-util-keysyms",
    "libxcb-randr.so.0": "libxcb-randr0|libxcb|libxcb",
    "libxcb-render.so.0": "libxcb-render0|libxcb|libxcb",
    "libxcb-render-util.so.0": "libxcb-render-util0|xcb-util-renderutil|xcb-util-renderutil",
    "libxcb-shape.so.0": "libxcb-shape0|libxcb|libxcb",
    "libxcb-shm.so.0": "libxcb-shm0|libxcb|libxcb",
    "libxcb-sync.so.1": "libxcb-sync1|libxcb|libxcb",
    "libxcb-util.so.1": "libxcb-util1|xcb-util|xcb-util",
    "libxcb-xfixes.so.0": "libxcb-xfixes0|libxcb|libxcb",
    "libxcb-xkb.so.1": "libxcb-xkb1|libxcb|libxcb",
    "libxkbcommon.so.0": "libxkbcommon0|libxkbcommon|libxkbcommon",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0|libxkbcommon-x11|libxkbcommon-x11",
    "libz.so.1": "zlib1g|zlib|zlib",
}
INSTALLERS = ("apt-get install -y", "dnf install -y", "pacman -S --needed")
# The modules that the application and its tests import, and the plugin that draws without a screen.
QT_FILES = (
    *("QtCore.abi3.so", "QtGui.abi3.so", "QtWidgets.abi3.so", "QtSvg.abi3.so", "QtTest.abi3.so"),
    *("QtOpenGL.abi3.so", "QtOpenGLWidgets.abi3.so", "Qt/plugins/platforms/libqoffscreen.so"),
)
# What makes the installers on Linux: a program -> its package, as above.
TOOLS = {"objdump": "binutils|binutils|binutils", "dpkg-deb": "dpkg|dpkg|dpkg"}


def tool_packages() -> dict[str, str]:
    """Return what packaging needs and who holds it: programs, and Python as a library."""
    debian = "libpython{}.{}".format(*sys.version_info[:2])
    return dict(TOOLS, **dict.fromkeys(python_library(), debian + "|python3-libs|python"))


def missing_tools() -> list[str]:
    """Return what packaging needs on Linux and this machine lacks."""
    missing = [name for name in TOOLS if not shutil.which(name)]
    folder = sysconfig.get_config_var("LIBDIR") or ""
    places = [folder, os.path.join(folder, sysconfig.get_config_var("MULTIARCH") or "")]
    for name in python_library():
        missing += [] if any(os.path.exists(os.path.join(p, name)) for p in places) else [name]
    return missing


def python_library() -> list[str]:
    """Return the name of this Python's library, which Debian has in a package of its own."""
    name = str(sysconfig.get_config_var("INSTSONAME") or "")
    return [name] if ".so" in name else []
