"""A setting whose name is a keyword of Python: one key for options, results, sessions, forms."""

from __future__ import annotations

import click
import pytest
from pydantic import ValidationError

from desktop_app.cli_options import make_params, own_options
from desktop_app.contract.params import Params, setting
from desktop_app.pictures.origin import settings_difference
from desktop_app.pictures.words import settings_sentence
from desktop_app.widgets.forms.params_form import ParamsForm


class Comparing(Params):
    with_: str = setting("", "With", "What it is compared with.", alias="with", max_length=9)

    def reads_prompts(self):
        return False


def test_it_is_stored_under_the_keyword():
    made = Comparing(with_="other")
    assert made.with_ == "other"
    assert made.model_dump(mode="json")["with"] == "other"
    assert "with_" not in made.model_dump()
    assert list(Comparing.stored_fields()) == ["with"]
    assert list(Comparing.model_json_schema()["properties"])[-1] == "with"


def test_what_is_stored_is_read_again():
    assert Comparing.model_validate({"with": "other"}) == Comparing(with_="other")
    assert Comparing.model_validate(Comparing(with_="other").model_dump()).with_ == "other"
    assert Comparing().model_copy(update={"with_": "x"}).model_dump()["with"] == "x"


def test_the_option_is_called_by_the_keyword():
    (option,) = own_options(Comparing)
    assert option.opts == ["--with"]
    command = click.Command("compare", params=[option], callback=lambda **given: given)
    given = command.main(["--with", "other"], standalone_mode=False)
    parsed = {"prompt": (), "corrupt": (), "answer": (), "wrong": (), "prompts_file": None, **given}
    assert make_params(Comparing, parsed).with_ == "other"


def test_a_refused_value_is_named_by_the_keyword():
    with pytest.raises(ValidationError) as refused:
        Comparing.model_validate({"with": "far too long"})
    assert refused.value.errors()[0]["loc"] == ("with",)


def test_the_form_shows_it_and_says_what_is_wrong(qtbot):
    form = ParamsForm(Comparing)
    qtbot.addWidget(form)
    form.set_value(Comparing(with_="other"))
    assert form.editor("with_").value() == "other"
    assert form.value().with_ == "other"
    form.editor("with_").control.setText("far too long")
    assert form.try_value() is None
    assert "at most 9" in form.error("with_")


def test_words_and_differences_know_it():
    assert settings_sentence(Comparing(with_="a")) == "with a"
    then = {"with": "a"}
    assert settings_difference(Comparing, then, Comparing(with_="b"), {}) == ("With: a, now b",)
    assert settings_difference(Comparing, then, Comparing(with_="a"), {}) == ()
