"""What activations over a text come from, and what is kept of one is told from others by."""

from __future__ import annotations

from desktop_app.analyses.features import sources
from desktop_app.analyses.features.sources import about
from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.methods.autoencoders import open_autoencoder
from desktop_app.methods.text_windows import TextWindows
from tests.analyses.features.folders import bag, bag_sae


def test_what_another_library_has_multiplied_is_not_gone_on_with(tmp_path, monkeypatch):
    """The two kinds of products differ in last bits, and one trial at each start chooses."""
    text = tmp_path / "letters.txt"
    text.write_text("A B C D " * 50, "utf-8")
    params = FeaturesParams(sae=bag_sae(), corpus=str(text), window=8, tokens=50)
    found = []
    for is_faster in (True, True, False):
        monkeypatch.setattr(sources, "one_dnn_is_faster", lambda told=is_faster: told)
        windows = TextWindows(bag(), params, params.corpus, 8, 50, "--corpus")
        found.append(about(bag(), open_autoencoder(bag(), params.sae), params, windows))
    assert found[0] == found[1] != found[2]
