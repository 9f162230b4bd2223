from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.steer import acts as data
from desktop_app.analyses.steer import vectors
from desktop_app.analyses.steer.options import SharedForm, settings_of, shared_of
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.steering import Intervention
from desktop_app.methods.text_means import sets_of
from desktop_app.pictures.words import settings_sentence
from desktop_app.support import vector_files
from desktop_app.support.errors import BadInputError
from tests.samples import boards, drawn

FILE = "somewhere/vector.safetensors"
WHOLE = {
    "zero": {},
    "scale": {"factor": 2.0},
    "add": {"file": FILE, "coef": 4.0},
    "set": {"file": FILE, "coef": -1.0},
    "project_out": {"file": FILE},
    "difference": {"from": ["bad"], "to": ["good", "nice"], "coef": 3.0},
    "ablate_heads": {"heads": "1.2,2.0", "site": "head_z"},
}


def act(op, **changes):
    told = {"op": op, "layer": 1, "position": "0,-1", "when": "1:3", **WHOLE[op], **changes}
    return Intervention.model_validate(told)


@pytest.mark.parametrize("op", WHOLE)
def test_every_intervention_goes_into_the_settings_and_comes_back(op):
    one = act(op)
    own = SteerParams().model_copy(update=data.settings_of([one], SteerParams()))
    assert own.interventions() == (one,)
    assert own.also == ()  # what the settings themselves can say, they say
    second = SteerParams().model_copy(update=data.settings_of([act("zero"), one], SteerParams()))
    assert second.interventions() == (act("zero"), one)


def test_settings_with_several_read_again_are_the_same():
    acts = tuple(act(op) for op in WHOLE)
    params = SteerParams().model_copy(update=data.settings_of(acts, SteerParams()))
    again = SteerParams.model_validate(params.model_dump(mode="json"))
    assert data.acts_of(again) == acts


def test_what_is_not_whole_is_kept_beside_the_settings():
    half = act("add", file="")
    params = SteerParams().model_copy(update=data.settings_of([half], SteerParams()))
    assert data.acts_of(params) == (half,)
    assert params.add == ()


def test_nothing_is_left_where_all_is_removed():
    params = SteerParams(zero=True, layer=2, also=({"op": "zero", "layer": 1},))
    bare = params.model_copy(update=data.settings_of([], params))
    assert data.acts_of(bare) == ()
    assert bare.layer == 2


def test_coefficients_that_fit_no_vector_leave_the_others():
    params = SteerParams(coef=(1, 2), add=(FILE,), also=({"op": "zero", "layer": 1},))
    assert [one.op for one in data.acts_of(params)] == ["zero"]


@pytest.mark.parametrize("op", WHOLE)
def test_the_form_of_an_intervention_says_all_of_it(op):
    one = act(op)
    assert data.act_of(op, data.form_of(one), one) == one


def test_what_is_missing_is_said():
    model = drawn.model()
    assert "file" in data.trouble(act("add", file=""))
    assert "From and To" in data.trouble(act("difference", **{"from": [], "to": []}))
    assert "To" in data.trouble(act("difference", to=[]))
    assert "heads" in data.trouble(act("ablate_heads", heads=""))
    assert "layer" in data.trouble(act("zero", layer=None))
    assert data.trouble(act("add", layer=None)) == ""  # its file names the layer
    assert data.trouble(act("zero", layer=3), model).startswith("Layer 3 does not exist")
    assert data.trouble(act("zero", layer=-3), model) == ""


def test_sentences_say_what_where_and_when():
    assert data.sentence(act("difference")) == (
        "Add 3 × (mean of 2 texts − mean of 1 text) to layer 1, residual stream after the block, "
        "positions 0, −1, at steps 1 to 2"
    )
    assert data.sentence(act("ablate_heads", position="-1", when="prompt")) == (
        "Replace the output of L1H2, L2H0 by its mean, last position, on the prompt pass"
    )
    assert "feature 12 of sae" in data.sentence(act("add", file="/a/sae:12"))
    assert "somewhere" not in data.sentence(act("add"))
    assert data.when_words("0,2:") == "at steps 0, 2 and later"
    assert data.summary([]).startswith("No intervention")
    assert data.summary([act("zero"), act("scale")]).startswith("2 interventions: (1) zero")


def test_the_table_marks_what_is_not_whole():
    rows = data.acts_ranking([act("zero"), act("add", file="")]).rows
    assert [row.values[-1] for row in rows] == ["", "to do"]
    assert rows[1].emphasis == "bad"


def test_a_new_one_acts_where_the_last_did():
    new = data.new_act("scale", [act("zero")], None)
    assert (new.layer, new.position, new.when) == (1, "0,-1", "1:3")
    assert data.new_act("zero", [], drawn.model(n_layers=7)).layer == 3
    after = data.new_act("zero", [act("ablate_heads")], None)
    assert after.site == "resid_post"


def test_shared_settings_are_a_part_of_all():
    params = SteerParams(vector_at="mean", elsewhere=True, reference=("1 2",))
    form = shared_of(params)
    assert settings_of(form) == {
        "vector_at": "mean",
        "elsewhere": True,
        "read_direction": "",
        "reference": ("1 2",),
    }
    titles = {name: field.title for name, field in SharedForm.model_fields.items()}
    assert titles["vector_at"] == "Read texts at"


@pytest.mark.parametrize(
    ("changes", "told", "untold"),
    [
        ({}, (), ("position", "prompt pass", "coefficient", "stream")),
        ({"scale": 2.0, "layer": 1}, ("layer 1", "scale 2.0"), ("coefficient",)),
        ({"also": ('{"op": "zero", "layer": 1}',)}, ("1 further intervention",), ("position",)),
        (
            {"scale": 2.0, "also": ('{"op": "zero", "layer": 1}',) * 2},
            ("2 further interventions",),
            ("also",),
        ),
        ({"zero": True, "sweep_layers": ":"}, ("sweep of all layers",), ("layers :",)),
        ({"add": ("a", "b"), "coef": (1.0, 2.0)}, ("2 added vectors", "coefficient 1, 2"), ()),
    ],
)
def test_the_settings_line_tells_of_what_is_done_alone(changes, told, untold):
    sentence = settings_sentence(SteerParams(**changes))
    assert all(part in sentence for part in told), sentence
    assert not any(part in sentence for part in untold), sentence


# Vectors.


def written(tmp_path, model, layer=1, site="resid_post"):
    path = tmp_path / "v.safetensors"
    values = np.arange(model.d_model, dtype=np.float32)
    vector_files.write(path, values, model, (layer, site), "by hand")
    return path


def test_a_vector_of_another_place_or_model_is_said(tmp_path):
    model = drawn.model()
    path = written(tmp_path, model)
    one = act("add", file=str(path))
    assert vectors.misfit(one, model, elsewhere=False) == ""
    moved = vectors.misfit(act("add", file=str(path), layer=2), model, elsewhere=False)
    assert "made at layer 1" in moved
    assert "choose Layer 1, or Vector elsewhere to use it" in moved
    assert vectors.misfit(act("add", file=str(path), layer=2), model, elsewhere=True) == ""
    assert vectors.misfit(act("add", file=str(path), layer=-2), model, elsewhere=False) == ""
    other = drawn.model(fingerprint="11ee")
    assert "fingerprint differs" in vectors.misfit(one, other, elsewhere=True)
    wide = vectors.misfit(one, drawn.model(d_model=9), elsewhere=False)
    assert "8 numbers" in wide
    odd = vectors.misfit(act("add", file=str(tmp_path / "no.pt")), model, elsewhere=False)
    assert "make one with From, To and Save vector" in odd
    sited = act("add", file=str(path), site="mlp_out")
    assert "choose it as Site, or Vector elsewhere" in vectors.misfit(sited, model, elsewhere=False)
    assert vectors.misfit(act("zero"), model, elsewhere=False) == ""


def test_the_vector_of_a_result_is_saved_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "folder", lambda: tmp_path / "vectors")
    model, one = (
        drawn.model(),
        Intervention(op="difference", layer=1, to_texts=("a",), from_texts=("b",)),
    )
    made = SteerParams(layer=1, zero=True, also=(one,))
    rows = np.array([[np.nan] * 8, np.arange(8.0)])
    data_of_run = {"acts": ({"op": "zero"}, {"op": "difference"}), "vector": rows}
    result = boards.result(data_of_run)
    stronger = one.model_copy(update={"coef": 9.0, "when": "every"})
    values = vectors.vector_of(result, made, stronger)
    assert values is not None
    assert values.tolist() == list(range(8))
    assert vectors.vector_of(result, made, one.model_copy(update={"layer": 2})) is None
    assert vectors.vector_of(result, made, act("zero")) is None
    heads = act("ablate_heads", heads="0.1,1.0")  # no row, one, or several: one for each layer
    other = one.model_copy(update={"to_texts": ("c",)})
    done = [{"op": op} for op in ("ablate_heads", "ablate_heads", "difference", "difference")]
    several = np.array([*[[np.nan] * 8] * 2, np.ones(8), np.arange(8.0)])
    result = boards.result({"acts": done, "vector": several})
    made = SteerParams(also=(heads, other, one))
    assert vectors.vector_of(result, made, other).tolist() == [1.0] * 8
    assert vectors.vector_of(result, made, stronger).tolist() == list(range(8))
    assert vectors.vector_of(result, made, heads) is None
    path = vectors.proposed(model, one)
    assert path.parent.is_dir()  # a fresh machine has none
    assert vectors.save(str(path), values, model, one, made) == path
    assert vectors.proposed(model, one) != path  # what is there is not written over unasked
    (known,) = vectors.kept(model)
    assert known.place == {"layer": 1, "site": "resid_post"}
    assert known.title.startswith("L1 · ")
    # As the run itself says it.
    assert known.tip.splitlines()[0] == sets_of(one, made.vector_at).made
    assert vectors.misfit(act("add", file=known.file), model, elsewhere=False) == ""
    assert vectors.kept(drawn.model(fingerprint="11ee")) == ()
    with pytest.raises(BadInputError, match="must end in"):
        vectors.save(str(tmp_path / "v.txt"), values, model, one, made)
