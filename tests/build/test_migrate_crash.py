"""Kill a migration at every step of its commit: the atlas opens, answers, and ends equal."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from crash import outcome, write_corpus
from migration import killed_at

from isogloss.atlas import Atlas
from isogloss.build.migrate import migrate_atlas

DOCUMENTS = 5000  # three shards
QUERY = "rocket launch"


@pytest.fixture(scope="module")
def atlases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("migration")
    write_corpus(folder / "all.parquet", DOCUMENTS)
    Atlas.build(folder / "all.parquet", folder / "old.atlas", encoder="lsa")
    shutil.copytree(folder / "old.atlas", folder / "new.atlas")
    migrate_atlas(folder / "new.atlas", "lexical", re_embed=True)
    return folder


def hits(atlas):
    return [(hit.id, hit.score) for hit in Atlas.open(atlas).search(QUERY, k=5).hits]


def manifest(atlas):
    found = json.loads((atlas / "manifest.json").read_text())
    for migration in found["migrations"]:
        migration.pop("at")
    left_out = ("updated", "seconds", "peak_rss_mb")
    return {name: value for name, value in found.items() if name not in left_out}


POINTS = [
    pytest.param("first shard", marks=pytest.mark.slow),
    "manifest",
    "cleaning",
    *(pytest.param(one, marks=pytest.mark.slow) for one in ("third shard", "table", "text index")),
    pytest.param("state", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_re_embedding_ends_equal(atlases, tmp_path, point):
    atlas = tmp_path / "killed.atlas"
    shutil.copytree(atlases / "old.atlas", atlas)
    code, err = killed_at(point, atlas, "re-embed")
    assert code == -signal.SIGKILL, err
    committed = point == "cleaning"
    assert hits(atlas) == hits(atlases / ("new.atlas" if committed else "old.atlas"))
    assert (atlas / "migration").is_dir()
    report = migrate_atlas(atlas, "lexical", re_embed=True)
    assert report.status == ("unchanged" if committed else "re-embedded")
    assert outcome(atlas, tmp_path) == outcome(atlases / "new.atlas", tmp_path)
    assert manifest(atlas) == manifest(atlases / "new.atlas")
    assert hits(atlas) == hits(atlases / "new.atlas")
    assert not (atlas / "migration").exists()
    assert not list(atlas.glob(".*.tmp"))


def test_finished_shards_are_not_encoded_again(atlases, tmp_path, monkeypatch):
    from isogloss.encoders.lexical import LexicalEncoder

    atlas = tmp_path / "killed.atlas"
    shutil.copytree(atlases / "old.atlas", atlas)
    assert killed_at("third shard", atlas, "re-embed")[0] == -signal.SIGKILL
    encoded = []
    real = LexicalEncoder.encode

    def counting(self, texts, **options):
        encoded.append(len(texts))
        return real(self, texts, **options)

    monkeypatch.setattr(LexicalEncoder, "encode", counting)
    migrate_atlas(atlas, "lexical", re_embed=True)
    assert sum(encoded) == DOCUMENTS - 2 * 2048


def test_killed_before_a_map_is_committed(atlases, tmp_path):
    atlas = tmp_path / "mapped.atlas"
    shutil.copytree(atlases / "old.atlas", atlas)
    assert killed_at("map", atlas)[0] == -signal.SIGKILL
    assert hits(atlas) == hits(atlases / "old.atlas")
    assert migrate_atlas(atlas, "lexical", sample=200).status == "compensated"
    assert Atlas.open(atlas).query_side.compensation is not None


def test_another_encoder_must_wait_for_the_unfinished_migration(atlases, tmp_path):
    from isogloss._core.errors import AtlasError

    atlas = tmp_path / "killed.atlas"
    shutil.copytree(atlases / "old.atlas", atlas)
    (atlas / "migration").mkdir()
    plan = {"encoder": "words:other.txt", "fingerprint": "0" * 64}
    (atlas / "migration" / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(AtlasError, match="unfinished migration to"):
        migrate_atlas(atlas, "lexical", re_embed=True)
    assert migrate_atlas(atlas, "lsa").status == "unchanged"
    assert (atlas / "migration" / "plan.json").exists()  # hours of work, maybe


@pytest.mark.slow
def test_killed_at_random_moments(atlases, tmp_path):
    rng = random.Random(0)
    command = [sys.executable, "-m", "isogloss", "migrate", "--encoder", "lexical", "--re-embed"]
    whole = tmp_path / "whole.atlas"
    shutil.copytree(atlases / "old.atlas", whole)
    began = time.monotonic()
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    seconds = time.monotonic() - began
    expected, answers = outcome(whole, tmp_path), hits(whole)
    killed = 0
    for _ in range(10):
        atlas = tmp_path / "random.atlas"
        shutil.copytree(atlases / "old.atlas", atlas)
        process = subprocess.Popen(
            [*command, str(atlas)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.2, 1.0) * seconds)
        killed += process.poll() is None
        process.kill()
        process.wait()
        assert hits(atlas) in (hits(atlases / "old.atlas"), answers)
        subprocess.run([*command, str(atlas)], check=True, capture_output=True)
        assert outcome(atlas, tmp_path) == expected
        shutil.rmtree(atlas)
    assert killed >= 5
