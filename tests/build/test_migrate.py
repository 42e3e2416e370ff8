"""An atlas whose encoder changes: who is refused, what is kept, and what goes on."""

import json
import shutil

import numpy as np
import pytest
from crash import write_corpus

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss.atlas import Atlas
from isogloss.build.migrate import migrate_atlas
from isogloss.drift import Compensation, Side, fit_compensation
from isogloss.drift.maps import Map
from isogloss.encoders.base import Truncation
from isogloss.encoders.spec import load_encoder

QUERY = "rocket launch"
FEW = 900


class Turned:
    """The shipped encoder with its vectors turned: equal dimension, another space."""

    max_tokens = None

    def __init__(self, seed=5):
        self._inner = load_encoder("lexical")
        self.dim = self._inner.dim
        turn = np.random.default_rng(seed).normal(size=(self.dim, self.dim))
        self._turn = np.linalg.qr(turn)[0].astype(np.float32)
        self.spec, self.fingerprint = f"turned:{seed}", f"{seed:064d}"
        self.truncation = Truncation()

    def encode(self, texts, *, batch_size=None):
        return self._inner.encode(texts) @ self._turn

    def encode_query(self, texts):
        return self.encode(texts)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("migrate")
    write_corpus(folder / "all.parquet", FEW)
    write_corpus(folder / "more.parquet", 60, start=FEW)
    for encoder in ("lsa", "lexical"):
        Atlas.build(folder / "all.parquet", folder / f"{encoder}.atlas", encoder=encoder)
    return folder


@pytest.fixture
def lsa(built, tmp_path):
    shutil.copytree(built / "lsa.atlas", tmp_path / "a.atlas")
    return tmp_path / "a.atlas"


@pytest.fixture
def lexical(built, tmp_path):
    shutil.copytree(built / "lexical.atlas", tmp_path / "b.atlas")
    return tmp_path / "b.atlas"


def ids(atlas, **options):
    return [hit.id for hit in atlas.search(QUERY, k=5, mode="vector", **options).hits]


def test_another_encoder_of_equal_dimension_is_refused(lexical):
    atlas = Atlas.open(lexical)
    turned = Turned()
    assert turned.dim == atlas.manifest.encoder["dim"]
    for ask in (
        lambda: atlas.search(QUERY, encoder=turned),
        lambda: atlas.with_encoder(turned),
        lambda: atlas.search(QUERY, encoder=turned, mode="text"),
    ):
        with pytest.raises(
            EncoderError, match=r"answers queries of 'lexical' .* not of 'turned:5'"
        ):
            ask()


def test_a_spec_of_another_encoder_is_refused(lsa):
    with pytest.raises(EncoderError, match=r"isogloss migrate .* --encoder lexical fits a map"):
        Atlas.open(lsa).search(QUERY, encoder="lexical")


def test_what_is_no_encoder_is_refused(lexical):
    with pytest.raises(ParameterError, match="encoder is int"):
        Atlas.open(lexical).search(QUERY, encoder=7)
    with pytest.raises(ParameterError, match="compensation is str"):
        Atlas.open(lexical).with_encoder("lexical", compensation="x")
    with pytest.raises(EncoderError, match="did you mean 'lexical'"):
        Atlas.open(lexical).search(QUERY, encoder="lexicl")


def test_the_atlas_own_encoder_is_taken_by_spec_and_as_object(lexical, lsa):
    atlas = Atlas.open(lexical)
    assert (
        ids(atlas) == ids(atlas, encoder="lexical") == ids(atlas, encoder=load_encoder("lexical"))
    )
    fitted = Atlas.open(lsa)
    assert ids(fitted) == ids(fitted, encoder="lsa")  # the one that lies in the atlas


def test_a_given_compensation_stands_between(lexical):
    atlas = Atlas.open(lexical)
    own, turned = load_encoder("lexical"), Turned()
    texts = [text for batch in atlas.passages(["text"]) for text in batch["text"].to_pylist()]
    made = fit_compensation(
        own.encode_query(texts), turned.encode_query(texts), old=own, new=turned
    )
    assert made.method == "procrustes"
    assert made.diagnosis.recall_old > 0.95
    assert ids(atlas.with_encoder(turned, compensation=made))[:3] == ids(atlas)[:3]
    with pytest.raises(EncoderError, match="not of 'turned:6'"):
        atlas.with_encoder(Turned(6), compensation=made)
    other = Compensation("mean", Side("x", "1", 384), Side.of(turned), Map(None, np.zeros(384)))
    with pytest.raises(EncoderError, match="leads to vectors of 'x'"):
        atlas.with_encoder(turned, compensation=other)


def test_migrate_fits_a_map_and_queries_go_through_it(lsa):
    before = Atlas.open(lsa)
    report = migrate_atlas(lsa, "lexical", sample=500)
    assert report.status == "compensated"
    told = report.compensation["diagnosis"]
    assert told["fitted"] + told["held_out"] <= 500
    assert 0.1 < report.recall_atlas <= 1
    after = Atlas.open(lsa)
    assert after.manifest.queries["spec"] == "lexical"
    assert after.encoder.spec.startswith("lsa")  # that of the vectors
    assert after.manifest.version == before.manifest.version + 1
    result = after.search(QUERY, k=5, mode="vector")
    assert "query by lexical through" in result.strategy
    side = after.query_side
    expected = side.compensation.apply(load_encoder("lexical").encode_query([QUERY]))[0]
    assert np.array_equal(side.encode(QUERY), expected)
    assert all("rocket" in hit.text or "launch" in hit.text or "orbit" in hit.text
               for hit in result.hits[:3])  # fmt: skip
    assert ids(after, encoder="lsa") == ids(before)  # exact answers are still to be had
    assert len(before) == len(after) and ids(before)  # whoever had it open goes on


def test_the_way_back_takes_the_map_away(lsa):
    before = ids(Atlas.open(lsa))
    migrate_atlas(lsa, "lexical", sample=100)
    assert migrate_atlas(lsa, "lsa").status == "restored"
    assert migrate_atlas(lsa, "lsa").status == "unchanged"
    atlas = Atlas.open(lsa)
    assert atlas.manifest.queries == {}
    assert not (lsa / atlas.manifest.state / "compensation").exists()
    assert ids(atlas) == before


def test_build_adds_to_a_compensated_atlas_and_keeps_the_map(lsa, built):
    migrate_atlas(lsa, "lexical", sample=200)
    grown = Atlas.build(built / "more.parquet", lsa)
    assert len(grown) == FEW + 60
    assert grown.manifest.queries["spec"] == "lexical"
    assert grown.manifest.encoder["spec"] == "lsa"
    assert "query by lexical" in grown.search(QUERY).strategy
    grown.merge_topics([[topic.id for topic in grown.topics.leaves][:2]])
    assert "query by lexical" in Atlas.open(lsa).search(QUERY).strategy


def test_re_embedding_changes_the_vectors_and_keeps_the_rest(lsa, built):
    before = Atlas.open(lsa)
    rows = {name: column for batch in before.passages() for name, column in
            zip(batch.schema.names, batch.columns, strict=True)}  # fmt: skip
    report = migrate_atlas(lsa, "lexical", re_embed=True)
    after = Atlas.open(lsa)
    assert report.status == "re-embedded"
    assert after.manifest.encoder["fingerprint"] == load_encoder("lexical").fingerprint
    assert after.manifest.parameters["encoder"] == "lexical"
    assert after.manifest.migrations[0]["from"]["spec"] == "lsa"
    assert not (lsa / after.manifest.state / "encoder").exists()
    texts = []
    for batch in after.passages():
        for name in batch.schema.names:
            if name != "vector":
                assert batch.column(name).equals(rows[name]), name
        texts += batch.column("text").to_pylist()
        vectors = batch.column("vector").flatten().to_numpy().reshape(len(batch), -1)
        assert np.array_equal(vectors, load_encoder("lexical").encode(texts))
    assert after.topics.to_json() == before.topics.to_json()
    assert report.topics_kept > 0.9
    words = [hit.id for hit in after.search(QUERY, mode="text").hits]
    assert words == [hit.id for hit in before.search(QUERY, mode="text").hits]
    assert ids(after) == ids(Atlas.open(built / "lexical.atlas"))


def test_build_goes_on_after_re_embedding(lsa, built):
    migrate_atlas(lsa, "lexical", re_embed=True)
    assert Atlas.build(built / "all.parquet", lsa).manifest.version == 2  # nothing new
    grown = Atlas.build(built / "more.parquet", lsa)
    assert len(grown) == FEW + 60
    assert len(grown.manifest.migrations) == 1
    added = list(grown.passages(["passage", "topic", "label"]))
    topics = np.concatenate([batch.column("topic").to_numpy() for batch in added])
    labels = sum((batch.column("label").to_pylist() for batch in added), [])
    usual = {}
    for topic, label in zip(topics[:FEW].tolist(), labels[:FEW], strict=True):
        usual.setdefault(topic, []).append(label)
    named = {topic: max(set(held), key=held.count) for topic, held in usual.items()}
    right = [named.get(t) == label for t, label in zip(topics[FEW:].tolist(), labels[FEW:],
                                                       strict=True)]  # fmt: skip
    assert np.mean(right) > 0.9
    with pytest.raises(AtlasError, match="was built with encoder 'lexical', not 'lsa'"):
        Atlas.build(built / "more.parquet", lsa, encoder="lsa")
    grown.merge_topics([[topic.id for topic in grown.topics.leaves][:2]])
    assert len(Atlas.open(lsa)) == FEW + 60


def test_re_embedding_takes_a_map_away(lsa):
    migrate_atlas(lsa, "lexical", sample=100)
    migrate_atlas(lsa, "lexical", re_embed=True)
    atlas = Atlas.open(lsa)
    assert atlas.manifest.queries == {}
    assert not (lsa / atlas.manifest.state / "compensation").exists()
    assert atlas.search(QUERY).strategy.count("through") == 0


def test_mistakes(lsa, built, tmp_path):
    with pytest.raises(AtlasError, match="there is no atlas"):
        migrate_atlas(tmp_path / "nowhere", "lexical")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(EncoderError, match="unknown encoder"):
        migrate_atlas(lsa, "lexicl")
    with pytest.raises(ParameterError, match="did you mean 'affine'"):
        migrate_atlas(lsa, "lexical", method="afine")
    with pytest.raises(ParameterError, match="sample is 3"):
        migrate_atlas(lsa, "lexical", sample=3)
    with pytest.raises(ParameterError, match="equal dimensions"):
        migrate_atlas(lsa, "lexical", method="mean")
    with pytest.raises(EncoderError, match="learns from the texts"):
        migrate_atlas(built / "lexical.atlas", "lsa")
    small = tmp_path / "small.atlas"
    Atlas.build(["a cat", "a dog", "a cow", "a cat"], small, encoder="lexical")
    Atlas.build(["a cat", "a dog", "a cow", "a cat"], tmp_path / "s2.atlas", encoder="lsa")
    with pytest.raises(AtlasError, match="use --re-embed"):
        migrate_atlas(tmp_path / "s2.atlas", "lexical")
    assert migrate_atlas(tmp_path / "s2.atlas", "lexical", re_embed=True).passages == 4


def test_a_damaged_map_is_said_to_be(lsa):
    migrate_atlas(lsa, "lexical", sample=100)
    place = lsa / Atlas.open(lsa).manifest.state / "compensation"
    about = json.loads((place / "compensation.json").read_text())
    about["new"]["fingerprint"] = "0" * 64
    (place / "compensation.json").write_text(json.dumps(about))
    with pytest.raises(AtlasError, match="not the compensation that"):
        Atlas.open(lsa).search(QUERY)
    (place / "compensation.json").write_text("{")
    with pytest.raises(AtlasError, match="damaged"):
        Atlas.open(lsa).search(QUERY)
