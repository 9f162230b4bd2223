"""What every test shares: no user's file is touched, no network is used, no screen is needed."""

from __future__ import annotations

import os
from contextlib import suppress

# Before anything imports Qt or transformers.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest

from desktop_app.engine.pack import pack_folder, pack_problem
from desktop_app.support.paths import HOME_VARIABLE
from tests.plugins import install_sample, on_path

# Where the pack of this machine's user is; read before the home is moved out of the tests' way.
_PACK_FOLDER = pack_folder("smollm2")
_PACK_PROBLEM = pack_problem("smollm2")


@pytest.fixture(scope="session", autouse=True)
def lensbench_home(tmp_path_factory):
    """Move the user's folders to a temporary place in which the real model pack is installed."""
    home = tmp_path_factory.mktemp("lensbench-home")
    if _PACK_PROBLEM is None:
        models = home / "data" / "models"
        models.mkdir(parents=True)
        # Windows allows links to few users; tests that name the pack are skipped without one.
        with suppress(OSError):
            (models / "smollm2").symlink_to(_PACK_FOLDER, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home


@pytest.fixture(scope="session")
def smollm2_folder(lensbench_home):
    """Return the Hugging Face folder of the model pack; skip where it is not installed."""
    problem = pack_problem("smollm2")
    if problem is not None:
        pytest.skip(problem)
    return pack_folder("smollm2")


@pytest.fixture(scope="session")
def plugin_place(tmp_path_factory):
    """Return a folder in which the sample package is installed, for other processes."""
    return install_sample(tmp_path_factory.mktemp("plugin") / "site")


@pytest.fixture
def installed_plugin(plugin_place):
    """Install the sample package in this process and return the name of its analysis."""
    with on_path(plugin_place):
        yield "weather"
