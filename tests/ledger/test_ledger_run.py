"""The ledger with small systems of known outcome."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError, StorageError
from isogloss.ledger import Context, Figure, Outcome, System, listing, record, registry, reproduce
from isogloss.ledger.catalogue import CATALOGUE
from isogloss.ledger.data import MissingData, digests, find_data

ROOT = Path(__file__).resolve().parents[2]

FAKE = '''
"""A system that counts the rows of a table."""
import pyarrow.parquet as pq
from isogloss.ledger import Figure, Outcome, PaperFigure, System

RUNS = []

def run(context):
    RUNS.append(context.limit)
    context.say("counting", 1, 2, "rows")
    rows = min(pq.read_metadata(context.path("small", "data.parquet")).num_rows, context.most(10))
    return Outcome({"rows": Figure(rows, rows, rows, "rows", rows)},
                   "holds" if rows >= 3 else "does not hold", ("enough rows",), ("tiny",))

SYSTEM = System("bat", "Tables have rows.", {"rows": PaperFigure(7, "rows", "abstract")},
                "at least three rows", ("small",), 60, run)
'''
BROKEN = FAKE.replace("RUNS.append(context.limit)", "raise KeyboardInterrupt").replace(
    '"bat"', '"cequel"'
)


def write_table(folder, rows):
    (folder / "small").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": list(range(rows))}), folder / "small" / "data.parquet")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with data, and a registry that holds one system, `bat`."""
    package = tmp_path / "code" / "fake_systems"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "bat.py").write_text(FAKE)
    write_table(tmp_path / "data", 5)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    monkeypatch.setattr(registry, "PACKAGE", "fake_systems")
    monkeypatch.setattr(record, "SHIPPED", tmp_path / "shipped")
    registry._files.cache_clear()
    yield tmp_path
    registry._files.cache_clear()
    for name in [name for name in sys.modules if name.startswith("fake_systems")]:
        del sys.modules[name]


def reproduce_here(place, names=("bat",), **options):
    return reproduce(names, data=place / "data", results=place / "kept", **options)


def runs():
    return sys.modules["fake_systems.bat"].RUNS


def test_a_result_has_the_shape_of_the_contract_and_stays_on_disk(place):
    (result,) = reproduce_here(place)
    assert result["system"] == "bat"
    assert result["claim"] == "Tables have rows."
    assert result["paper"] == {"rows": {"value": 7, "unit": "rows", "where": "abstract"}}
    assert result["measured"]["rows"]["value"] == 5
    assert (result["holds"], result["verdict"], result["seeds"]) == (True, "holds", [0])
    assert result["seconds"] >= 0
    assert result["run"]["peak_rss_mb"] > 1
    stored = json.loads((place / "kept" / "bat.json").read_text())
    assert stored == result == record.read(place / "kept", "bat")


def test_the_same_inputs_are_not_measured_twice_and_others_are(place):
    events = []
    reproduce_here(place)
    reproduce_here(place, on_event=events.append)
    assert runs() == [None]
    assert "measured before" in events[0].message
    reproduce_here(place, fresh=True)
    assert runs() == [None, None]
    write_table(place / "data", 6)
    assert reproduce_here(place)[0]["measured"]["rows"]["value"] == 6
    assert len(runs()) == 3


def test_a_trial_is_marked_and_decides_nothing(place):
    (result,) = reproduce_here(place, limit=2)
    assert result["inputs"]["limit"] == 2
    assert result["holds"] is False
    assert states(place)["bat"] == "not yet run"
    reproduce_here(place)  # and is no result of the whole
    assert states(place)["bat"] == "reproduced: holds"


def states(place):
    return {one["system"]: one["state"] for one in listing(results=place / "kept")}


def test_the_list_has_every_system_and_says_what_is_not_built(place):
    entries = listing(results=place / "kept")
    assert [one["system"] for one in entries] == list(CATALOGUE)
    assert all(
        one.keys() >= {"system", "paper", "claim", "data", "budget_seconds"} for one in entries
    )
    assert states(place)["bat"] == "not yet run"
    assert states(place)["luxical"] == "not built"  # in this registry
    assert {one["claim"] for one in entries if not one["built"]} == {None}


def test_a_result_of_ones_own_goes_before_the_one_that_came_with_the_package(place):
    write_table(place / "data", 2)
    (poor,) = reproduce_here(place)
    record.write(record.SHIPPED, {**poor, "verdict": "holds", "holds": True})
    (entry,) = [one for one in listing(results=place / "kept") if one["system"] == "bat"]
    assert (entry["state"], entry["measured_by"]) == ("reproduced: does not hold", "you")
    (entry,) = [one for one in listing(results=place / "none") if one["system"] == "bat"]
    assert (entry["state"], entry["measured_by"]) == ("reproduced: holds", "the project")


def test_what_was_measured_before_an_interrupt_is_kept(place):
    (place / "code" / "fake_systems" / "cequel.py").write_text(BROKEN)
    registry._files.cache_clear()
    with pytest.raises(KeyboardInterrupt):
        reproduce_here(place, ())
    assert record.read(place / "kept", "bat") is not None
    assert record.read(place / "kept", "cequel") is None


def test_missing_data_is_named_before_anything_runs(place):
    (place / "data" / "small" / "data.parquet").unlink()
    with pytest.raises(MissingData, match=r"bat needs the data set small, which is not in .*data"):
        reproduce_here(place)
    assert runs() == []
    with pytest.raises(MissingData, match="no folder of data sets"):
        reproduce(["bat"], data=place / "nowhere")


def test_the_data_folder_comes_from_the_environment_and_from_beside(tmp_path, monkeypatch):
    (tmp_path / "shared" / "data").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("ISOGLOSS_DATA", raising=False)
    assert find_data() == tmp_path / "shared" / "data"
    monkeypatch.setenv("ISOGLOSS_DATA", str(tmp_path))
    assert find_data() == tmp_path
    monkeypatch.setenv("ISOGLOSS_DATA", str(tmp_path / "gone"))
    with pytest.raises(MissingData, match="ISOGLOSS_DATA"):
        find_data()


def test_unknown_and_unbuilt_systems_are_told_apart(place):
    with pytest.raises(ParameterError, match="did you mean 'luxical'"):
        reproduce_here(place, ["luxicl"])
    with pytest.raises(ParameterError, match="'nv-embed' is not built yet; built: bat"):
        reproduce_here(place, ["nv-embed"])
    with pytest.raises(ParameterError, match="give \\['bat'\\]"):
        reproduce_here(place, "bat")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": "1"}', '{"format": 99}']
)
def test_a_damaged_result_is_a_clear_error(place, content):
    (place / "kept").mkdir()
    (place / "kept" / "bat.json").write_text(content)
    with pytest.raises(StorageError, match=r"bat\.json"):
        reproduce_here(place)
    assert runs() == []
    reproduce_here(place, fresh=True)
    assert states(place)["bat"] == "reproduced: holds"


def test_two_runs_compare_equal_but_for_their_times(place):
    (one,), (other,) = reproduce_here(place), reproduce_here(place, fresh=True)
    assert record.comparable(one) == record.comparable(other)
    assert "date" not in json.dumps(record.comparable(one))
    write_table(place / "data", 4)
    assert record.comparable(reproduce_here(place)[0]) != record.comparable(one)


def test_digests_follow_names_and_bytes(tmp_path):
    write_table(tmp_path, 3)
    before = digests(tmp_path, ["small"])
    (tmp_path / "small" / "data.parquet").rename(tmp_path / "small" / "other.parquet")
    assert digests(tmp_path, ["small"]) != before


def test_outcomes_need_a_known_verdict_and_a_figure():
    figure = {"x": Figure(float("nan"), 0, 1, "", 1)}
    assert figure["x"].to_json()["value"] is None
    with pytest.raises(ParameterError, match="holds in part"):
        Outcome(figure, "maybe")
    with pytest.raises(ParameterError, match="at least one"):
        Outcome({}, "holds")


def test_every_built_system_is_whole():
    for name in registry.built():
        system = registry.load(name)
        assert isinstance(system, System)
        assert (system.id, name in CATALOGUE) == (name, True)
        assert system.claim.endswith(".")
        assert system.paper
        assert system.rule
        assert 0 < system.budget_seconds <= 3600


def test_shipped_results_belong_to_built_systems_and_are_whole_runs():
    for path in sorted(record.SHIPPED.glob("*.json")):
        result = record.read(record.SHIPPED, path.stem)
        system = registry.load(path.stem)
        assert (result["claim"], result["rule"]) == (system.claim, system.rule)
        assert result["paper"] == {name: one.to_json() for name, one in system.paper.items()}
        assert result["inputs"]["version"] == system.version
        assert result["inputs"]["limit"] is None


def test_the_catalogue_has_all_ids_of_the_sheets():
    sheet = ROOT.parent / "shared" / "systems" / "ids.md"
    if not sheet.is_file():
        pytest.skip("needs the folder of sheets, shared/systems, beside the repository")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (.+?) \| ([a-z-]+) \|$", sheet.read_text(), re.M)
    rows = [row for row in rows if row[0] != "id"]
    assert {name: (work, where) for name, work, where in rows} == CATALOGUE


@pytest.mark.data
@pytest.mark.models
def test_luxical_runs_on_small_samples(data_dir, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    from isogloss._core.errors import EncoderError
    from isogloss.encoders.spec import load_encoder
    from isogloss.ledger.systems import luxical

    try:
        load_encoder(luxical.TEACHER)
    except EncoderError:
        pytest.skip("needs all-MiniLM-L6-v2")
    monkeypatch.setattr(luxical, "WITH_TORCH", False)
    monkeypatch.setattr(luxical, "TIMED", {"debian_packages": "text"})
    (result,) = reproduce(["luxical"], data=data_dir, results=tmp_path, limit=40)
    figures = result["measured"]
    assert result["verdict"] in ("holds", "holds in part", "does not hold")
    for name in luxical.LABELLED:
        assert 0 <= figures[f"probe.{name}.teacher"]["value"] <= 1
        assert 0 < figures[f"neighbours.{name}.lexical"]["value"] <= 1
    for name in luxical.SEARCHED:
        assert figures[f"ndcg.{name}.teacher"]["value"] > 0.3
    for name in luxical.TIMED:
        assert figures[f"speed.{name}.cpu_ratio_onnx_int8"]["value"] > 5
    again = record.read(tmp_path, "luxical")
    assert again == result


def test_the_rule_of_luxical_judges_as_it_is_written():
    from isogloss.ledger.systems.luxical import LABELLED, SEARCHED, TIMED, judge

    def figures(ratio=50.0, gap=0.1, kept=0.99, least=None):
        found = {f"speed.{n}.cpu_ratio_onnx_int8": one(ratio) for n in TIMED}
        found["neighbours.mean.lexical_less_tfidf_svd"] = one(gap)
        found |= {f"probe.{n}.kept": one(kept) for n in LABELLED}
        found |= {f"ndcg.{n}.kept": one(kept) for n in SEARCHED}
        if least is not None:
            found[f"ndcg.{SEARCHED[0]}.kept"] = one(least)
        return found

    def one(value):
        return Figure(value, value - 0.01, value + 0.01, "", 9)

    assert judge(figures())[0] == "holds"
    assert judge(figures(least=0.96))[0] == "holds in part"
    assert judge(figures(gap=0.005))[0] == "holds in part"
    assert judge(figures(gap=0.005, least=0.5))[0] == "does not hold"
    assert judge(figures(ratio=20.005))[0] == "does not hold"


def test_context_limits_sizes(tmp_path):
    assert Context(tmp_path, tmp_path, limit=5).most(3) == 3
    assert np.isfinite(Context(tmp_path, tmp_path).most(3))


@pytest.mark.data
@pytest.mark.models
def test_density_tree_runs_on_a_small_sample(data_dir, tmp_path):
    pytest.importorskip("onnxruntime")
    from isogloss._core.errors import EncoderError

    try:
        (result,) = reproduce(["density-tree"], data=data_dir, results=tmp_path, limit=120)
    except EncoderError:
        pytest.skip("needs all-MiniLM-L6-v2")
    figures = result["measured"]
    assert figures["stepping.layers_equal"]["low"] == 1
    assert figures["stepping.clusters_left"]["high"] <= 1
    for method in ("density", "average", "ward", "chance"):
        assert 0 < figures[f"purity.minilm.10.{method}"]["value"] < 1
    assert figures["purity.minilm.10.ward"]["low"] > figures["purity.minilm.10.chance"]["high"]
    assert result["seeds"] == [0, 1, 2, 3, 4]


def test_the_rule_of_density_tree_judges_as_it_is_written():
    from isogloss.ledger.systems.density_tree import COMPONENTS, judge

    def verdict(equal=1.0, ratio=20.0, shares=(0.6, 0.1, 0.1)):
        found = {"stepping.layers_equal": one(equal), "stepping.cpu_ratio": one(ratio)}
        for components, share in zip(COMPONENTS, shares, strict=True):
            found[f"gain_beside_ward.minilm.{components}"] = one(share)
        return judge(found)[0]

    def one(low):
        return Figure(low, low, low + 0.1, "", 5, "range")

    assert verdict() == "holds"
    assert verdict(shares=(0.4, 0.3, 0.49)) == "holds in part"
    assert verdict(ratio=9.0) == "holds in part"
    assert verdict(ratio=9.0, shares=(0, 0, 0)) == "does not hold"
    assert verdict(equal=0.999) == "does not hold"
