"""The command line: exit codes, one-line errors, JSON alone on standard output, files written."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from desktop_app import __main__ as door
from desktop_app import cli, cli_options
from desktop_app.contract.params import TAKEN, Params
from desktop_app.contract.registry import ANALYSES
from desktop_app.jobs.service import Service
from tests.engine.zoo import save_tiny

PROMPT = ("--prompt", "the cat", "--answer", "x", "--wrong", "y")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny("llama", tmp_path_factory.mktemp("cli") / "tiny")


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        # The real standard output, as a shell would see it.
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("analysis", ["tokens", "rank", "ablate", "attention"])
def test_json_is_the_result_object_and_nothing_else(call, folder, analysis):
    code, out, _err = call("run", analysis, "--model", folder, *PROMPT, "--json")
    assert code == 0
    found = json.loads(out)
    assert list(found) == [
        "analysis", "schema", "version", "model", "params", "prompts", "result", "warnings",
        "provenance", "timing",
    ]  # fmt: skip
    assert found["analysis"] == analysis
    assert found["params"]["bos"] == "auto"
    assert found["prompts"][0]["tokens"]["ids"][0] == 1
    assert set(found["provenance"]) >= {
        "lensbench", "torch", "transformers", "transformer_lens", "python", "device", "dtype",
        "bos", "weights", "seed", "created",
    }  # fmt: skip
    assert set(found["timing"]) == {"seconds", "forward_passes", "peak_memory_bytes"}
    assert set(found["model"]) >= {
        "name", "source", "fingerprint", "n_layers", "n_heads", "d_model", "device", "dtype",
    }  # fmt: skip


def test_shapes_follow_the_contract(call, folder):
    _code, out, _err = call(
        "run", "ablate", "--model", folder, *PROMPT, "--prompt", "a dog", "--answer", "x",
        "--wrong", "y", "--mode", "zero", "--json",
    )  # fmt: skip
    result = json.loads(out)["result"]
    assert np.shape(result["ablated"]) == (3, 4, 2)
    assert np.shape(result["effect_mean"]) == (3, 4)
    np.testing.assert_allclose(
        result["effect"], np.array(result["ablated"]) - np.array(result["base"])
    )


def test_without_json_a_table_is_printed(call, folder):
    code, out, _err = call("run", "rank", "--model", folder, *PROMPT)
    assert code == 0
    assert "prompt 1" in out
    assert "logit difference" in out


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_out_writes_a_file(call, folder, tmp_path, ending):
    target = tmp_path / f"r.{ending}"
    code, out, _err = call("run", "ablate", "--model", folder, *PROMPT, "--out", target)
    assert (code, out) == (0, "")
    if ending == "json":
        assert json.loads(target.read_text())["analysis"] == "ablate"
    else:
        with np.load(target, allow_pickle=False) as arrays:
            assert arrays["effect"].shape == (3, 4, 1)


def test_a_session_collects_results_and_gives_them_back(call, folder, tmp_path):
    session = tmp_path / "s.lens"
    for analysis in ("rank", "attention"):
        assert call("run", analysis, "--model", folder, *PROMPT, "--out", session)[0] == 0
    rows = json.loads(call("results", session, "--json")[1])
    assert [(r["id"], r["analysis"]) for r in rows] == [(1, "rank"), (2, "attention")]
    assert set(rows[0]) == {"id", "analysis", "title", "created", "model"}
    target = tmp_path / "a.csv"
    assert call("export", session, "--result", 2, "--out", target)[0] == 0
    assert target.read_text(encoding="utf-8").count("\n") > 100
    code, _out, err = call("export", session, "--result", 9, "--out", target)
    assert code == 2
    assert "--result 9" in err


def test_models_lists_the_catalogue(call):
    rows = json.loads(call("models", "--json")[1])
    assert {"toy", "smollm2"} <= {r["name"] for r in rows}
    toy = next(r for r in rows if r["name"] == "toy")
    assert toy["installed"]
    assert toy["bytes_needed"]["float32"] > 4 * toy["parameters"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rank", "--prompt", ""), 2, "empty"),
        (("rank",), 2, "--prompt"),
        (("rank", "--prompt", "a", "--top", "0"), 2, "--top"),
        (("rank", "--prompt", "a", "--position", "99"), 2, "--position"),
        (("rank", "--prompt", "x" * 200), 2, "shorten"),
        (("rank", "--prompt", "a", "--answer", "q", "--wrong", "q"), 2, "tell them apart"),
        (("rank", "--prompt", "a\udc3d"), 2, "lone surrogate"),
        (("rank", "--prompt", "a", "--answer", " 5", "--wrong", " 4"), 2, "--fix"),
        (("rank", "--prompts", "missing.csv"), 2, "missing.csv"),
        (("rank", "--prompt", "a", "--out", "r.pdf"), 2, "--out"),
        (("ablate", *PROMPT, "--layers", "2:77"), 2, "--layers"),
        (("ablate", *PROMPT, "--layers", "x"), 2, "--layers"),
        (("ablate", *PROMPT, "--positions", "50"), 2, "--positions"),
        (("ablate", *PROMPT, "--mode", "half"), 2, "--mode"),
        (("attention", "--prompt", "a", "--heads", "7.7"), 2, "--heads"),
        (("rank", "--prompt", "a", "--device", "tpu9"), 2, "--device"),
        (("rank", "--prompt", "a", "--chat"), 2, "--chat"),
        (("rank", "--nonsense"), 2, "--nonsense"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(call, folder, arguments, code, words):
    found, out, err = call("run", arguments[0], "--model", folder, *arguments[1:])
    lines = [line for line in err.splitlines() if line.startswith("lensbench: ")]
    assert (found, out, len(lines)) == (code, "", 1)
    assert words in lines[0]
    assert "Traceback" not in err


def test_emoji_are_fine(call, folder):
    assert call("run", "tokens", "--model", folder, "--prompt", "😀 ok", "--json")[0] == 0


def test_fix_applies_the_repair(call, folder):
    code, out, err = call(
        "run", "rank", "--model", folder, "--prompt", "1 2", "--answer", " 5", "--wrong", " 4",
        "--fix", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["prompts"][0]["text"] == "1 2 "
    assert "answer_shared_prefix" in err


def test_interrupt_is_130(call, folder, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("desktop_app.analyses.rank.run.run", interrupted)
    assert call("run", "rank", "--model", folder, "--prompt", "a")[0] == 130


def test_a_bug_is_one_line_unless_debug(call, folder, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("desktop_app.analyses.rank.run.run", broken)
    code, _out, err = call("run", "rank", "--model", folder, "--prompt", "a")
    assert code == 1
    assert "Traceback" not in err
    assert "Traceback" in call("run", "rank", "--model", folder, "--prompt", "a", "--debug")[2]


def test_the_worked_command_opens_no_socket(folder):
    """The whole path from start to result, with sockets forbidden in the process."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = refuse; socket.create_connection = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "from desktop_app import cli\n"
        "sys.exit(cli.main(['run', 'rank', '--model', 'toy', '--prompt', '1 2 3 4']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "␠5" in done.stdout


def test_an_estimate_runs_nothing_and_says_how_much(call, folder):
    command = ("run", "ablate", "--model", folder, *PROMPT)
    code, out, _err = call(*command, "--estimate", "--json")
    assert code == 0
    assert json.loads(out)["memory_bytes"] > 1e8
    code, out, _err = call(*command, "--estimate")
    assert code == 0
    assert "GB at its peak" in out


def test_a_memory_budget_changes_no_number_and_adds_passes(call, folder):
    command = ("run", "ablate", "--model", folder, *PROMPT, "--mode", "zero", "--json")
    free, small = (json.loads(call(*command, *more)[1]) for more in ((), ("--memory", "20kB")))
    assert small["timing"]["forward_passes"] > free["timing"]["forward_passes"]
    np.testing.assert_allclose(
        small["result"]["ablated"], free["result"]["ablated"], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("given", ["much", "-2GB", "0", "nan", ""])
def test_a_budget_that_is_none_is_refused(call, folder, given):
    code, out, err = call("run", "ablate", "--model", folder, *PROMPT, f"--memory={given}")
    assert (code, out) == (2, "")
    assert "--memory" in err


def test_moves_by_hand_are_a_list(call, folder):
    moves = "clean:resid_post:0.3>0.3,corrupt:mlp_out:1.2>1.2"
    command = ("run", "hand_patch", "--model", folder, *PROMPT, "--corrupt", "the dog", "--json")
    code, out, _err = call(*command, "--moves", moves)
    assert code == 0
    assert json.loads(out)["params"]["moves"] == moves.split(",")
    assert json.loads(call(*command)[1])["params"]["moves"] == []
    repeated = [option for move in moves.split(",") for option in ("--moves", move)]
    assert json.loads(call(*command, *repeated)[1])["params"]["moves"] == moves.split(",")
    code, _out, err = call(*command, "--moves", "here>there")
    assert code == 2
    assert "is not a move" in err


def test_parts_are_removed_together_without_a_twin(call, folder, tmp_path):
    command = ("run", "hand_patch", "--model", folder, *PROMPT, "--run", "clean", "--json")
    code, out, _err = call(*command, "--without", "0.1, L1H0 m1", "--mode", "zero")
    assert code == 0
    found = json.loads(out)
    assert (found["params"]["without"], found["params"]["mode"]) == ("0.1,1.0,m1", "zero")
    result = found["result"]
    assert result["corrupt"] is None
    assert result["removed"] == ["0.1", "1.0", "m1"]
    assert len(result["single"]) == len(result["effect"]) == 3
    assert result["joint"] == pytest.approx(result["patched"] - result["moved"])
    reference = tmp_path / "reference.csv"
    reference.write_text("prompt\nthe cat\nthe dog\n", "utf-8")
    code, out, _err = call(*command, "--without", "0.1", "--mode", "mean", "--reference", reference)
    assert code == 0
    assert json.loads(out)["params"]["reference"] == ["the cat", "the dog"]
    for text, words in (("0.99", "--without 0.99: head 99"), ("x4", "neither a head nor an MLP")):
        code, out, err = call(*command, "--without", text)
        assert (code, out) == (2, "")
        assert words in err
    code, _out, err = call(*command[:-3], "--json", "--without", "0.1")
    assert code == 2
    assert "--run clean" in err


def test_a_session_that_cannot_take_a_result_is_refused_before_the_run(
    call, folder, tmp_path, monkeypatch
):
    junk = tmp_path / "junk.lens"
    junk.write_bytes(b"not a session at all")
    monkeypatch.setattr(Service, "perform", lambda *_a: pytest.fail("it was computed"))
    code, out, err = call("run", "rank", "--model", folder, "--prompt", "a", "--out", junk)
    assert (code, out) == (2, "")
    assert "junk.lens" in err


def test_endings_are_read_in_any_case(call, folder, tmp_path):
    path = tmp_path / "A.LENS"
    assert call("run", "rank", "--model", folder, "--prompt", "a", "--out", path)[0] == 0
    assert call("run", "rank", "--model", folder, "--prompt", "\x1b[31ma\nb", "--out", path)[0] == 0
    code, out, _err = call("results", path)
    assert code == 0
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out


def test_help_of_the_whole_imports_no_analysis(call):
    code = (
        "import sys; from desktop_app import cli; cli.main(['--help'])\n"
        "sys.exit(any(name.startswith('desktop_app.analyses') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_of_run_lists_every_analysis_by_name(call):
    code, out, _err = call("run", "--help")
    assert code == 0
    listed = [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()]
    assert listed == sorted(ANALYSES)
    assert call("run", "nonsense")[2] == "lensbench: No such command 'nonsense'.\n"


def test_no_setting_may_be_called_as_an_option_of_every_command():
    names = {option.name for option in cli_options.common_options()}
    assert names - Params.model_fields.keys() == TAKEN


def test_an_interrupt_before_the_command_begins_leaves_no_traceback(monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["lensbench", "models"])
    monkeypatch.setattr(cli, "main", interrupted)
    assert door.main() == 130
    assert capsys.readouterr().err == "lensbench: interrupted\n"
