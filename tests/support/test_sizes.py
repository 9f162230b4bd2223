"""One way to say how many bytes there are, for the window and the command line."""

from __future__ import annotations

import pytest

from desktop_app.support.sizes import human_bytes


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (69_120, "69 kB"),
        (3_000_000, "3 MB"),
        (538_000_000, "0.54 GB"),
        (2e9, "2.00 GB"),
        (25e9, "25 GB"),
    ],
)
def test_sizes_keep_a_number_that_says_something(count, words):
    assert human_bytes(count) == words
