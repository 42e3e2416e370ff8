"""The map of an atlas: drawn by a build, kept for old passages, never in the way."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.atlas import Atlas
from isogloss.build import migrate
from isogloss.layout import stored
from isogloss.store.manifest import read_manifest

SUBJECTS = {
    "space": "rocket orbit launch satellite moon shuttle probe lander telescope",
    "hockey": "goalie puck team game overtime playoff coach season ice rink",
    "cars": "engine brake wheel dealer mileage clutch tyre gearbox sedan",
    "medicine": "patient doctor disease drug symptom therapy dose vaccine",
}


def texts_of(count, seed=0):
    rng = np.random.default_rng(seed)
    names = sorted(SUBJECTS)
    return [
        " ".join(rng.choice(SUBJECTS[names[i % 4]].split(), 6)) + f" number {seed} {i}"
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map") / "a.atlas"
    Atlas.build(texts_of(120), folder)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built, tmp_path / "a.atlas")


def file_of(folder):
    return folder / read_manifest(folder).state / stored.NAME


def places_of(atlas):
    return {
        int(number): place.tobytes()
        for number, place in zip(atlas.map.passages, atlas.map.coordinates, strict=True)
    }


def test_a_build_draws_the_map_and_says_how_long_it_took(built):
    atlas = Atlas.open(built)
    assert file_of(built).is_file()
    assert atlas.map.passages.tolist() == list(range(120))
    assert atlas.map.coordinates.dtype == np.float32
    assert np.abs(atlas.map.coordinates).max() == pytest.approx(1, abs=1e-6)
    assert atlas.map.version == atlas.manifest.version
    assert atlas.manifest.seconds["map"] > 0


def test_a_build_tells_its_progress(tmp_path):
    events = []
    Atlas.build(texts_of(50), tmp_path / "a.atlas", on_event=events.append)
    seen = [event for event in events if event.stage == "map"]
    assert seen[0].done == 0
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (50, 50, "passages")


def test_the_same_input_gives_the_same_bytes_with_any_threads(built, tmp_path, monkeypatch):
    for threads in ("1", "2"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        Atlas.build(texts_of(120), tmp_path / threads)
        assert file_of(tmp_path / threads).read_bytes() == file_of(built).read_bytes()


def test_old_passages_stay_when_new_ones_come(folder):
    before = places_of(Atlas.open(folder))
    Atlas.open(folder).add(texts_of(30, seed=1))
    after = Atlas.open(folder)
    found = places_of(after)
    assert len(found) == 150
    assert {number: found[number] for number in before} == before
    assert np.abs(after.map.coordinates).max() < 1.5
    # New passages lie by those of their subject.
    labels = np.concatenate([b.column("topic").to_numpy() for b in after.passages(["topic"])])
    places = np.asarray(after.map.coordinates)
    apart = np.hypot(*(places[120:, None] - places[None, :120]).transpose(2, 0, 1))
    nearest = np.argsort(apart, axis=1)[:, :5]
    assert (labels[nearest] == labels[120:, None]).mean() > 0.8


def test_a_build_that_adds_keeps_old_places(tmp_path):
    Atlas.build(texts_of(60), tmp_path / "a.atlas")
    before = places_of(Atlas.open(tmp_path / "a.atlas"))
    grown = Atlas.build(texts_of(60) + texts_of(20, seed=1), tmp_path / "a.atlas")
    found = places_of(grown)
    assert len(found) == 80
    assert {number: found[number] for number in before} == before


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    page = (Path(__file__).resolve().parents[2] / "docs" / "map.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert names["places"].columns.tolist() == ["passage", "x", "y"]
    assert -1 <= names["x"] <= 1


def test_what_is_deleted_is_off_the_map_and_the_rest_stays(folder):
    before = places_of(Atlas.open(folder))
    Atlas.open(folder).delete(ids=[3, 7, 11])
    found = places_of(Atlas.open(folder))
    assert found == {n: place for n, place in before.items() if n not in (3, 7, 11)}
    assert len(load_tensors(file_of(folder))["passages"]) == 117


def test_everything_deleted_and_something_added(folder):
    Atlas.open(folder).delete(ids=list(range(120)))
    assert len(Atlas.open(folder).map) == 0
    Atlas.open(folder).add(texts_of(5, seed=2))
    atlas = Atlas.open(folder)
    assert atlas.map.passages.tolist() == [120, 121, 122, 123, 124]
    assert np.isfinite(atlas.map.coordinates).all()


def test_edits_of_topics_leave_the_map_alone(folder):
    before = file_of(folder).read_bytes()
    atlas = Atlas.open(folder)
    leaves = [topic.id for topic in atlas.topics.leaves]
    atlas.rename_topic(leaves[0], "Renamed")
    assert file_of(folder).read_bytes() == before
    Atlas.open(folder).merge_topics([leaves[:2]])
    assert file_of(folder).read_bytes() == before
    assert len(Atlas.open(folder).map) == 120


def test_other_vectors_make_another_map(folder):
    before = places_of(Atlas.open(folder))
    migrate.migrate_atlas(folder, "lsa:" + _fitted(folder), re_embed=True)
    after = Atlas.open(folder)
    assert after.map.passages.tolist() == sorted(before)
    assert places_of(after) != before
    assert stored.read_map(folder / after.manifest.state, after.encoder.fingerprint) is not None


def _fitted(folder):
    from isogloss.encoders.spec import load_encoder

    encoder = load_encoder("lsa")
    encoder.fit([texts_of(120)]).save(folder.parent / "lsa")
    return str(folder.parent / "lsa")


@pytest.mark.parametrize(
    "damage",
    ["missing", "cut", "rubbish", "other vectors", "nan", "shape", "not sorted"],
)
def test_a_file_that_cannot_be_used_is_made_anew(folder, damage):
    path = file_of(folder)
    whole = path.read_bytes()
    tensors, about = stored.map_tensors(path)
    passages, coordinates = tensors["passages"].copy(), tensors["coordinates"].copy()
    path.unlink()
    if damage == "cut":
        path.write_bytes(whole[:-40])
    elif damage == "rubbish":
        path.write_bytes(b"x" * 99)
    elif damage == "other vectors":
        save_tensors(path, dict(tensors), {**about, "fingerprint": "other"})
    elif damage == "nan":
        coordinates[3] = np.nan
        save_tensors(path, {"passages": passages, "coordinates": coordinates}, about)
    elif damage == "shape":
        save_tensors(path, {"passages": passages, "coordinates": coordinates[:-1]}, about)
    elif damage == "not sorted":
        save_tensors(path, {"passages": passages[::-1], "coordinates": coordinates}, about)
    assert len(Atlas.open(folder).map) == 120
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_gets_its_map_in_memory(folder, monkeypatch):
    wanted = places_of(Atlas.open(folder))
    file_of(folder).unlink()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stored, "save_tensors", refuse)
    assert places_of(Atlas.open(folder)) == wanted
    assert not file_of(folder).exists()
    assert not list(file_of(folder).parent.glob(".*.tmp"))


def test_a_map_that_upkeep_could_not_draw_is_drawn_when_asked_for(folder, monkeypatch):
    late = shutil.copytree(folder, folder.parent / "late.atlas")
    Atlas.open(folder).add(texts_of(9, seed=1))

    def fail(*_, **__):
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr("isogloss.build.maps.update_map", fail)
        report = Atlas.open(late).add(texts_of(9, seed=1))
    assert any("the map" in step for step in report.upkeep_failed)
    assert len(load_tensors(file_of(late))["passages"]) == 120
    assert places_of(Atlas.open(late)) == places_of(Atlas.open(folder))
    assert file_of(late).read_bytes() == file_of(folder).read_bytes()


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_a_build_killed_while_it_draws_goes_on_and_ends_the_same(
    built, tmp_path, monkeypatch, moment
):
    path = tmp_path / "a.atlas"
    real, save = stored.update_map, stored.save_tensors

    def killed(state, source, *, version):
        if moment == "after":
            real(state, source, version=version)
        raise KeyboardInterrupt

    def torn(target, *rest):
        target.write_bytes(b"torn")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if moment == "within":
            patched.setattr(stored, "save_tensors", torn)
        else:
            patched.setattr("isogloss.build.maps.update_map", killed)
        Atlas.build(texts_of(120), path)
    assert save is stored.save_tensors
    assert read_manifest(path) is None
    Atlas.build(texts_of(120), path)
    assert file_of(path).read_bytes() == file_of(built).read_bytes()
    assert not list(file_of(path).parent.glob(".*.tmp"))


def test_passages_without_content_have_places(tmp_path):
    atlas = Atlas.build([*texts_of(40), "?!", "...", "—"], tmp_path / "a.atlas")
    assert np.isfinite(atlas.map.coordinates).all()
    assert len(np.unique(atlas.map.coordinates, axis=0)) == len(atlas)


def test_more_passages_than_are_laid_out_together(built):
    atlas = Atlas.open(built)
    source = stored.Source(atlas.table, atlas.encoder.fingerprint, most=40)
    drawn = stored._new(stored.read_live(atlas.table), source)
    labels = np.concatenate([b.column("topic").to_numpy() for b in atlas.passages(["topic"])])
    apart = np.hypot(*(drawn.coordinates[:, None] - drawn.coordinates[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert (labels[apart.argsort(axis=1)[:, :5]] == labels[:, None]).mean() > 0.8
    assert len(np.unique(drawn.coordinates, axis=0)) == 120
