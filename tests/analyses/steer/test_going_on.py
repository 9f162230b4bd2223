"""What the view asks for when texts go on, run for real: held to a run that was longer at once."""

from __future__ import annotations

import pytest

from desktop_app.analyses.steer import run as steer
from desktop_app.analyses.steer.going_on import begun_anew, continued
from desktop_app.analyses.steer.said import RUNS, continuations
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.result import PARTIAL
from desktop_app.support.errors import Cancelled
from tests.analyses.steer.asked import Stops
from tests.models import tiny

PROMPTS = (PromptRow(text="abcdef"), PromptRow(text="ghijkl"))
SETTINGS = {"layer": 1, "scale": -2.0, "say": "mno", "ignore_eos": True, "when": "every"}


def run(name, report=None, **settings):
    params = SteerParams(prompts=PROMPTS, **{**SETTINGS, **settings})
    return steer.run(tiny(name), params, report or SilentReporter())


def same(one, other):
    """Return whether two results say the same tokens with the same log-probabilities."""
    for prompt, run_name in ((p, r) for p in range(len(PROMPTS)) for r in RUNS):
        first, second = (result.data[run_name][prompt] for result in (one, other))
        assert first["ids"] == second["ids"], (run_name, prompt)
        assert first["logprobs"] == pytest.approx(second["logprobs"], abs=1e-5)
        assert first["plain_logprobs"] == pytest.approx(second["plain_logprobs"], abs=1e-5)
    return True


@pytest.mark.parametrize(("name", "temperature"), [("llama", 0.9), ("gpt2", 0.0)])
def test_texts_that_go_on_are_those_that_were_longer_at_once(name, temperature):
    drawn = {"temperature": temperature, "seed": 4}
    short = run(name, max_new_tokens=3, **drawn)
    once = run(name, **{**drawn, **continued(short)})
    twice = run(name, **{**drawn, **continued(once)})
    assert same(once, run(name, max_new_tokens=6, **drawn))
    assert same(twice, run(name, max_new_tokens=9, **drawn))


def test_a_token_said_instead_is_followed_by_what_follows_it():
    result = run("llama", max_new_tokens=5)
    one = next(c for c in continuations(result, 1) if c.run == "plain")
    other = one.tokens[2].top[3][0]
    asked = begun_anew(result, one, 1, 2, (other,), "")
    again = run("llama", **asked)
    strip = again.data["plain"][1]
    assert strip["ids"][:3] == [*one.ids[:2], other]
    assert strip["ids"][3:] != list(one.ids[3:]) or strip["logprobs"][3:] != [
        token.logprob for token in one.tokens[3:]
    ]
    # All else stays as it was, and what was given is no longer the likeliest there.
    assert again.data["plain"][0]["ids"] == result.data["plain"][0]["ids"]
    assert again.data["steered"][1]["ids"] == result.data["steered"][1]["ids"]
    told = next(c for c in continuations(again, 1, asked["begin"]) if c.run == "plain")
    # What the model said before is still its own.
    assert [token.given for token in told.tokens] == [False, False, True, False, False]


def test_a_text_said_instead_is_read_by_the_models_own_tokenizer():
    result = run("llama", max_new_tokens=5)
    one = next(c for c in continuations(result, 0) if c.run == "steered")
    asked = begun_anew(result, one, 0, 4, (), "xyz")
    again = run("llama", **asked)
    text = again.data["steered"][0]["text"]
    assert text.startswith("".join(token.text for token in one.tokens[:4]))
    assert text[len("".join(t.text for t in one.tokens[:4])) :].startswith("xyz")


def test_a_stop_while_given_tokens_are_read_loses_none_of_them():
    result = run("llama", max_new_tokens=5)
    one = next(c for c in continuations(result, 0) if c.run == "steered")
    # The plain text says new tokens while the steered one is still being read.
    asked = {"begin": (f"steered:0:{','.join(map(str, one.ids))}",), "max_new_tokens": 9}
    stopped = run("llama", Stops("Token", 1), **asked)
    plain, steered = stopped.data["plain"][0], stopped.data["steered"][0]
    assert plain["ids"] == result.data["plain"][0]["ids"][:2]
    assert steered["ids"] == list(one.ids)
    assert steered["text"] == one.text
    read = [token.logprob for token in one.tokens[:2]]
    assert steered["logprobs"] == pytest.approx([*read, *3 * [float("nan")]], nan_ok=True, abs=1e-5)
    assert [len(step) for step in steered["top"]] == [5, 5, 0, 0, 0]
    assert all(len(stopped.data["steered"][1][name]) == 2 for name in ("ids", "logprobs", "top"))
    (told,) = [w.message for w in stopped.warnings if w.code == PARTIAL]
    assert "3 given tokens had not been read yet and so have no numbers." in told
    # And it is gone on from, as any other result is.
    again = run("llama", **continued(stopped))
    assert again.data["steered"][0]["ids"][:5] == list(one.ids)


def test_a_stop_before_anything_new_is_said_leaves_the_texts_as_they_were():
    result = run("llama", max_new_tokens=3)
    with pytest.raises(Cancelled):
        run("llama", Stops("Token", 1), **continued(result))
