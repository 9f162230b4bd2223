from __future__ import annotations

import pytest

from desktop_app.widgets.basics.messages import EstimateBadge, agreement, agreement_sentence

pytestmark = [pytest.mark.gui]


@pytest.mark.parametrize(
    ("data", "found"),
    [({}, None), ({"preview_agreement": float("nan")}, None), ({"preview_agreement": 0.5}, 0.5)],
)
def test_agreement_is_told_only_where_it_exists(data, found):
    assert agreement(data) == found


def test_words_follow_the_number():
    assert agreement_sentence(0.934) == "estimate and exact agree: ρ = 0.93"
    assert agreement_sentence(-0.1) == "estimate against exact: ρ = −0.10"


def test_it_is_hidden_where_there_is_nothing_to_say(qtbot):
    badge = EstimateBadge()
    qtbot.addWidget(badge)
    badge.show_data({"estimated": True, "preview_agreement": 0.9})
    assert badge.text() == "estimate"
    assert not badge.isHidden()
    badge.show_data({"estimated": False}, filling=True)
    assert badge.text() == "estimate"
    badge.show_data({"estimated": False, "preview_agreement": 0.9})
    assert "agree" in badge.text()
    badge.show_data({"estimated": False})
    assert badge.isHidden()
