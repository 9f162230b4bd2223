"""Nobody outside an analysis' folder imports it or names it: held over the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from desktop_app.contract.registry import BUILT_IN

PACKAGE = Path(__file__).resolve().parents[1] / "desktop_app"
REGISTRY = "contract/registry.py"
SLICES = "desktop_app.analyses"

_METRIC = "the metric of that name: the answer's rank"
_COLUMN = "a column of next tokens: their rank"
_KEY = "the key of the result object"
_PARTS = "what parts that belong together are called"
_EDGES = "what leads from part to part, in a picture or a file"
_BESIDE = "laying one thing beside another: a setting, an action or an icon of that name"
_OF_EDGES = "the setting that chooses a circuit of edges, and what is said of it"
_PARTS_OF_CANDIDATES = ("spec", "run", "picture", "explain", "script")
_TEXTS = "the text that something was made of: a field, a file's own fact, a folder"
# Where a word that is also the name of an analysis means something else.
OTHER_MEANINGS = {
    **{
        (f"analyses/fit_lens/{m}.py", "corpus"): _TEXTS
        for m in ("picture", "run", "script", "spec")
    },
    **{
        (f"analyses/features/{m}.py", "ablate"): "the setting that says how tokens are taken away"
        for m in ("found", "spec")
    },
    ("analyses/features/found.py", "corpus"): "the text that features are read over",
    ("analyses/features/card_words.py", "tokens"): "how many an autoencoder was trained on",
    ("analyses/lens/view.py", "corpus"): _TEXTS,
    **{
        (f"analyses/train_sae/{m}.py", "corpus"): _TEXTS
        for m in ("picture", "run", "script", "spec")
    },
    ("analyses/train_sae/spec.py", "features"): "the setting that says how many it has, their unit",
    **{(f"analyses/features/{m}.py", "corpus"): _TEXTS for m in ("needs", "over_text", "spec")},
    ("analyses/features/spec.py", "rank"): "an axis: the place of a feature among others",
    **{
        (f"analyses/features/{m}.py", "tokens"): "how many there are, or were read"
        for m in ("kept", "readable", "spec")
    },
    ("support/autoencoder_files.py", "tokens"): "how many an autoencoder was trained on",
    ("methods/lens_files.py", "corpus"): _TEXTS,
    ("methods/text_windows.py", "corpus"): _TEXTS,
    ("analyses/corpus/spec.py", "rank"): "an axis: the place of a token among others",
    ("analyses/corpus/spec.py", "tokens"): "how many are read: a setting",
    ("analyses/circuit/outcome.py", "rank"): _METRIC,
    ("analyses/ablate/lent.py", "rank"): _METRIC,
    ("views/picked.py", "circuit"): "the icon of a set of parts",
    ("window/runs/picking.py", "circuit"): "the icon of a set of parts",
    ("analyses/edges/circuits.py", "rank"): _METRIC,
    ("methods/edge_estimates.py", "rank"): _METRIC,
    ("pictures/gate.py", "rank"): _METRIC,
    **{(f"analyses/compose/{part}.py", "circuit"): _PARTS for part in ("view",)},
    **{(f"analyses/detect/{part}.py", "circuit"): _PARTS for part in ("card", "spec")},
    **{
        (f"analyses/edges/{part}.py", "circuit"): _PARTS
        for part in ("circuits", "side", "tried", "view")
    },
    **{(module, "edges"): _EDGES for module in ("contract/circuits.py", "text/circuit_files.py")},
    ("widgets/graph/board.py", "edges"): _EDGES,
    ("session/mib_circuits.py", "edges"): _EDGES,
    ("cli_prompts.py", "tokens"): "the column that counts the tokens of made prompts",
    ("window/making/maker_rows.py", "tokens"): "the column that counts the tokens of made prompts",
    ("window/making/maker_rows.py", "rank"): _COLUMN,
    ("window/runs/tasks_known.py", "rank"): _COLUMN,
    ("contract/params.py", "rank"): _METRIC,
    ("engine/metrics.py", "rank"): _METRIC,
    ("methods/estimates.py", "rank"): _METRIC,
    ("pictures/words.py", "rank"): _METRIC,
    ("analyses/ablate/picture.py", "rank"): _METRIC,
    ("analyses/ablate/explain.py", "rank"): _METRIC,
    ("analyses/lens/picture.py", "rank"): _COLUMN,
    ("analyses/lens/explain.py", "rank"): _COLUMN,
    ("analyses/compare/spec.py", "rank"): _METRIC,
    ("analyses/hand_patch/spec.py", "rank"): "the axis along which next tokens are listed",
    ("analyses/lens/grid.py", "rank"): _METRIC,
    ("analyses/lens/spec.py", "rank"): "the axis along which next tokens are listed",
    ("contract/result.py", "tokens"): _KEY,
    ("contract/spec.py", "compare"): "the group of the rail",
    ("analyses/candidates/spec.py", "compare"): "the group of the rail",
    ("analyses/residual/spec.py", "compare"): "the group of the rail",
    ("analyses/attention/controls.py", "compare"): _BESIDE,
    ("analyses/tokens/picture.py", "compare"): _BESIDE,
    ("analyses/tokens/run.py", "compare"): _BESIDE,
    ("analyses/tokens/script.py", "compare"): _BESIDE,
    ("analyses/tokens/spec.py", "compare"): _BESIDE,
    ("analyses/tokens/token_card.py", "compare"): _BESIDE,
    ("analyses/tokens/view.py", "compare"): _BESIDE,
    ("session/export_scripts.py", "compare"): _BESIDE,
    ("window/comparison/comparison_desk.py", "compare"): _BESIDE,
    ("window/comparison/view.py", "compare"): _BESIDE,
    ("window/sessions/results_panel.py", "compare"): _BESIDE,
    ("pictures/words.py", "attention"): "what a part or a choice is called: the attention output",
    ("analyses/ablate/picture.py", "attention"): "what a part is called: the attention output",
    ("analyses/attribute/explain.py", "attention"): "what a part is called: the attention outputs",
    ("analyses/attribute/picture.py", "attention"): "what a part is called: the attention outputs",
    ("analyses/attribute/plots.py", "attention"): "what a part is called: the attention outputs",
    ("widgets/matrix/pattern_view.py", "attention"): "what the values of a pattern are called",
    ("analyses/compose/view.py", "circuit"): "the whole path through two heads: a setting, a name",
    ("analyses/detect/card.py", "circuit"): "an icon of that name",
    ("analyses/detect/spec.py", "circuit"): "an icon of that name",
    ("analyses/candidates/explain.py", "attention"): "the beginning of its fields' names",
    ("analyses/residual/sizes.py", "attention"): "what a part is called: the attention output",
    ("analyses/edges/explain.py", "rank"): _METRIC,
    ("analyses/edges/side.py", "circuit"): _OF_EDGES,
    ("analyses/edges/tried.py", "circuit"): _OF_EDGES,
    ("analyses/edges/view.py", "circuit"): _OF_EDGES,
    **{(f"analyses/candidates/{part}.py", "tokens"): _KEY for part in _PARTS_OF_CANDIDATES},
}


def modules() -> dict[str, ast.Module]:
    """Return every module of the program by its path."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


@pytest.fixture(scope="module")
def trees():
    return modules()


def slice_of(module: str) -> str:
    """Return the analysis in whose folder a module lies, else an empty text."""
    parts = module.split("/")
    return parts[1] if parts[0] == "analyses" and len(parts) > 2 else ""


def imported(tree: ast.Module) -> set[str]:
    """Return the analyses of which anything is imported, for types as well."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = [name.removeprefix(f"{SLICES}.") for name in names if name.startswith(f"{SLICES}.")]
    return {name.split(".")[0] for name in inside}


def told(tree: ast.Module) -> set[str]:
    """Return the analyses that a module names in a text of its own."""
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if text in BUILT_IN or text.startswith(SLICES)}


def test_slices_are_imported_by_themselves_alone(trees):
    found = {module: imported(tree) - {slice_of(module)} for module, tree in trees.items()}
    assert {module: names for module, names in found.items() if names} == {}


def test_slices_are_named_by_themselves_alone(trees):
    found = {
        (module, name)
        for module, tree in trees.items()
        if module != REGISTRY
        for name in told(tree) - {slice_of(module)}
    }
    assert sorted(found - OTHER_MEANINGS.keys()) == []


def test_no_exception_is_left_without_need(trees):
    for module, name in OTHER_MEANINGS:
        assert name in told(trees[module]), (module, name)


@pytest.mark.parametrize(
    ("source", "imports", "names"),
    [
        ("import desktop_app.analyses.rank.spec", {"rank"}, set()),
        ("from desktop_app.analyses.rank.spec import ANALYSIS", {"rank"}, set()),
        ("from desktop_app.analyses import rank", {"rank"}, set()),
        ("def f():\n    if x == 'rank': pass", set(), {"rank"}),
        ("import_module(f'desktop_app.analyses.{x}')", set(), {"desktop_app.analyses."}),
        ("'''The rank of it.'''", set(), set()),
    ],
)
def test_what_is_planted_is_found(source, imports, names):
    tree = ast.parse(source)
    assert (imported(tree), told(tree)) == (imports, names)
