"""What the five experiments found, in words: what was measured, and why it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.pictures.words import SITES, number, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Facts = "Mapping[str, Any]"


def broken(run: str, step: int, where: str) -> str:
    """Say that a run has no finite numbers, so that nothing can be said of the experiment."""
    return (
        f"{run} has logits that are no finite numbers at step {step}, {where}: there is nothing to "
        "compare."
    )


def which_position(holds: bool | None, facts: Mapping[str, Any], site: str) -> str:
    """Say which positions matter behind the last block, and how many at the early layer."""
    last, end = facts["layer"], facts["difference_last"]
    name = SITES.get(site, site)
    behind = "behind" if site == "resid_post" else f"at the {name} of"
    if holds is None:
        said = "The prompt has a single token: there is no earlier position to compare with."
    elif holds:
        text = ", but not the tokens" if facts["same_tokens_last"] else ", and the text"
        said = (
            f"Zeroed {behind} the last block (layer {last}), the earlier positions change no logit "
            "of any step, bit for bit: no later block reads them. At the prompt's last token it "
            f"changes logits by up to {number(end)}{text}."
        )
    elif end == 0:
        said = (
            f"Zeroed at layer {last}, not even the prompt's last token changes a logit: nothing "
            f"hangs on the {name} there."
        )
    elif site == "resid_pre":
        largest = number(facts["largest_difference_earlier"], 6)
        said = (
            f"Zeroed before the last block (layer {last}), earlier positions change logits by up "
            f"to {largest}: in every model the block's own attention still reads them there. "
            "Behind it nobody does: choose resid_post."
        )
    else:
        largest = number(facts["largest_difference_earlier"], 6)
        said = (
            f"Zeroed at layer {last}, earlier positions change logits by up to {largest}: in this "
            f"model something behind the {name} still reads them there."
        )
    step, changed = facts["constant_step"], facts["early_positions_that_change_the_text"]
    if step is not None:
        said += (
            f" At step {step} all its logits are equal: the token that follows is the first of the "
            "vocabulary, and says nothing."
        )
    tried = plural(facts["positions_tried"], "position")
    change = "changes" if changed == 1 else "change"
    return f"{said} At layer {facts['early_layer']}, {changed} of {tried} {change} the text."


def persistence(
    facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, keeps: bool, carried: bool
) -> str:
    """Say whether one full pass gives what the steps gave, and what becomes of it with no cache.

    Args:
        facts: What was measured.
        rows: The same at each schedule.
        keeps: Whether the model keeps keys and values.
        carried: Whether later steps tell a change that the cache carries from one that is lost.
    """
    position, largest = facts["position"], number(facts["max_logit_difference"], 6)
    if not keeps:
        return (
            "This model keeps no keys and values: every step reads the whole text anew, so what is "
            "done on the prompt pass alone is gone at the next step. Zeroed at every step, the "
            f"text is that of one full pass (logits within {largest})."
        )
    if not facts["max_logit_difference"] <= facts["tolerance"]:
        said = (
            f"One full pass over the text, zeroed at position {position}, does not give what the "
            f"steps gave: logits part by up to {largest}."
        )
    elif not carried:
        lost = next(row for row in rows if (row["when"], row["cache"]) == ("prompt", "no"))
        return (
            f"Zeroed once, at position {position} on the prompt pass, there is nothing that could "
            "persist: no later step reads the change. Without the cache it is lost at step 1, and "
            f"the text is the same (logits within {number(lost['difference'], 6)}), as it is in "
            f"one full pass (within {largest}). Choose an earlier layer, whose change later blocks "
            "read."
        )
    else:
        tokens = "the same tokens" if facts["same_tokens"] else "other tokens where two are level"
        said = (
            f"Zeroed once, at position {position} on the prompt pass, the change lives on in the "
            "keys and values that later steps read: one full pass over the text, zeroed at "
            f"position {position}, gives {tokens} (logits within {largest})."
        )
    by_schedule = {(row["when"], row["cache"]): row for row in rows}
    lost, anew = by_schedule["prompt", "no"], by_schedule["every", "no"]
    text = "the same text here" if lost["same_tokens"] else "another text"
    one = "it is the same one" if anew["same_tokens"] else "the text is another here"
    return (
        f"{said} Without the cache every step computes the prompt anew: “prompt only” then loses "
        f"the change at step 1 and is another experiment (it gives {text}, logits part by up to "
        f"{number(lost['difference'])}); made at every step, {one} (logits within "
        f"{number(anew['difference'], 6)})."
    )


def equivalence(facts: Mapping[str, Any]) -> str:
    """Say whether the last position and the concrete index are one place."""
    same = facts["identical"]
    equal = "every logit is equal, bit for bit" if same else "but their logits differ"
    every = "the same here" if facts["every_step_says_the_same"] else "another"
    return (
        f"Position -1 on the prompt pass and position {facts['position']} at step 0 are one place: "
        f"{equal}. At later steps -1 is the new token: zeroed at every step, the text is {every}."
    )


def out_of_range(
    holds: bool | None, facts: Mapping[str, Any], held: Sequence[int], prompt: int
) -> str:
    """Say what a later step holds, and where the prompt's positions are then."""
    position, difference = facts["position"], facts["difference_when_asked_later"]
    if holds is None:
        return (
            "Every step holds the whole text, since this model keeps no keys and values: no "
            "position is ever out of range."
        )
    if not holds:
        return (
            f"The steps hold {', '.join(map(str, held))} positions, and asked for at steps 1 and "
            f"later position {position} changes logits by up to {number(difference, 6)}."
        )
    return (
        f"Step 0 holds the prompt's {plural(prompt, 'token')}, every later step the new one alone: "
        f"there position {position} does not exist, and a hook that asks for it gets an index out "
        "of range. It lives in the cache, as keys and values that nothing computes again: asked "
        "for at steps 1 and later, the change finds nothing, and the text is the plain one, bit "
        "for bit."
    )


def differs(facts: Mapping[str, Any]) -> str:
    """Say whether the intervention acts at all."""
    largest = number(facts["difference"])
    if not facts["different"]:
        return (
            f"No effect at this strength: the steered text is the plain one (logits differ by up "
            f"to {largest}). That the other experiments agree means little here."
        )
    return (
        f"Different: the steered text is another than the plain one (logits differ by up to "
        f"{largest} before they part), so that the agreements are of something that acts."
    )
