"""How many topics, how large, and which by name: settings of a build."""

import json
import re

import numpy as np
import pytest
from crash import outcome, write_corpus
from killed import killed_in

from isogloss._core.errors import AtlasError, ParameterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.build import pipeline, stages
from isogloss.build.settings import BuildSettings
from isogloss.build.stages import sample_key
from isogloss.build.topics import Topics
from isogloss.store.manifest import read_manifest
from isogloss.store.workspace import Workspace
from isogloss.topics import TopicModel
from isogloss.topics.asked import DEFAULTS, NAMES

SEEDS = {"Flight": ["rocket", "NASA", "moon shuttle"], "ice": ["puck"]}
DOCUMENTS = 300


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("topics")
    write_corpus(folder / "a.parquet", DOCUMENTS)
    return folder / "a.parquet"


def build(corpus, path, **options):
    said = []
    atlas = Atlas.build(corpus, path, encoder="lsa", on_event=said.append, **options)
    return atlas, [one.message for one in said if one.level == "warning"]


def topics_of(atlas):
    return {name: atlas.manifest.parameters[name] for name in NAMES}


def test_the_defaults_are_those_of_the_topic_model():
    model = TopicModel()
    assert (model.n_topics, model.seeds) == (None, None)
    assert model.min_topic_size == DEFAULTS["min_topic_size"]
    assert set(NAMES) == set(DEFAULTS) <= set(BuildSettings().identity())


def test_a_build_gives_as_many_topics_as_it_is_asked_for(corpus, tmp_path):
    atlas, said = build(corpus, tmp_path / "a", n_topics=np.int64(3))
    assert len(atlas.topics.leaves) == 3 == atlas.manifest.topics
    assert topics_of(atlas) == {"n_topics": 3, "min_topic_size": 10, "seeds": {}}
    assert said == []
    free, _ = build(corpus, tmp_path / "b")
    assert len(free.topics.leaves) == 5
    assert topics_of(free) == DEFAULTS


def test_small_groups_join_others(corpus, tmp_path):
    sizes = {}
    for least in (2, 1000):  # a twentieth of few passages
        atlas, _ = build(corpus, tmp_path / str(least), min_topic_size=least, memory_mb=256)
        sizes[least] = atlas.topics.size
        model = Topics.load(atlas.path / atlas.manifest.state / "topics").model
        assert model.get_params()["min_topic_size"] == least
    assert min(sizes[1000]) >= DOCUMENTS // 20


def test_seeds_keep_leaves_of_their_names(corpus, tmp_path):
    atlas, said = build(corpus, tmp_path / "a", seeds={**SEEDS, "ice": ["puck", "zamboni"]})
    leaves = {topic.label: topic for topic in atlas.topics.leaves}
    assert {"Flight", "ice"} <= set(leaves)
    rows = [(row["label"], row["topic"]) for b in atlas.passages(["label", "topic"])
            for row in b.to_pylist()]  # fmt: skip
    for name, label in (("Flight", "space"), ("ice", "hockey")):
        own = [true == label for true, topic in rows if topic == leaves[name].id]
        assert sum(own) > 0.9 * len(own) > 30
    assert topics_of(atlas)["seeds"] == {
        "Flight": ["moon", "nasa", "rocket", "shuttle"],
        "ice": ["puck", "zamboni"],
    }
    assert len(said) == 1
    assert "seed 'ice' is sought without 'zamboni' (in too few passages" in said[0]


def test_in_which_order_and_case_seeds_are_given_does_not_matter(corpus, tmp_path):
    one, _ = build(corpus, tmp_path / "a", seeds=SEEDS)
    turned = {name: [word.upper() for word in reversed(SEEDS[name])] for name in reversed(SEEDS)}
    other, _ = build(corpus, tmp_path / "b", seeds=turned)
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    for atlas, place in ((one, "x"), (other, "y")):
        atlas.path.rename(tmp_path / place / "same")
    assert outcome(tmp_path / "x" / "same", tmp_path) == outcome(tmp_path / "y" / "same", tmp_path)
    assert build(corpus, tmp_path / "x" / "same", seeds=turned)[0].manifest.version == 1


def test_a_fit_is_kept_under_all_that_decides_it(corpus, tmp_path, monkeypatch):
    keys = []

    def noted(*parts):
        keys.append(sample_key(*parts))
        return keys[-1]

    monkeypatch.setattr("isogloss.build.topics.sample_key", noted)
    for number, more in enumerate([{}, {"n_topics": 3}, {"min_topic_size": 4}, {"seeds": SEEDS}]):
        build(corpus, tmp_path / str(number), **more)
    assert len(set(keys)) == 4 == len(keys)


WRONG = {
    "no topics": ({"n_topics": 0}, "n_topics is 0: give a whole number of at least 1, or 'auto'"),
    "fewer than none": ({"n_topics": -1}, "n_topics is -1: give a whole number"),
    "a word": ({"n_topics": "x"}, "n_topics is 'x': give a whole number"),
    "a fraction": ({"n_topics": 2.5}, "n_topics is 2.5: give a whole number"),
    "a truth value": ({"n_topics": True}, "n_topics is True: give a whole number"),
    "a list": ({"n_topics": [3]}, r"n_topics is \[3\]: give a whole number"),
    "no size": ({"min_topic_size": 0}, "min_topic_size is 0: give a whole number of at least 1"),
    "a size in words": ({"min_topic_size": "x"}, "min_topic_size is 'x': give a whole number"),
    "a list of seeds": ({"seeds": ["puck"]}, r"seeds are \['puck'\]: give names with lists of"),
    "a bare word": (
        {"seeds": {"ice": "puck"}},
        "seed 'ice' is 'puck': give a name and a list of words$",
    ),
    "no words": ({"seeds": {"ice": []}}, r"seed 'ice' is \[\]: give a name and a list"),
    "a mapping of words": ({"seeds": {"ice": {"puck": 1}}}, "seed 'ice' has {'puck': 1}: give a"),
    "a passage": ({"seeds": {"ice": ["puck", 7]}}, "seed 'ice' has 7: give a list of words"),
    "half a letter": ({"seeds": {"ice": ["\ud800"]}}, r"seed 'ice' has '\\ud800', which holds"),
    "no letters": ({"seeds": {"ice": ["!?"]}}, r"seed 'ice' has '!\?', which holds no word"),
    "no name": ({"seeds": {" ": ["puck"]}}, "seed ' ' is"),
    "a name twice": ({"seeds": {"ice": ["puck"], " ice": ["rink"]}}, "two seeds are called 'ice'"),
    "a name of two lines": ({"seeds": {"a\nb": ["puck"]}}, "holds line ends, control characters"),
    "fewer topics than seeds": (
        {"seeds": SEEDS, "n_topics": 1},
        "n_topics is 1, and 2 seeds ask for a topic each: give at least 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_build_can_do_is_refused_before_anything_is_read(corpus, name, tmp_path):
    options, says = WRONG[name]
    with pytest.raises(ParameterError, match=says) as refusal:
        Atlas.build(tmp_path / "no source", tmp_path / "a", **options)
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


LATER = {
    "more topics than passages": (
        {"n_topics": 301},
        "n_topics is 301, and there are 300 passages: give 300 at most",
    ),
    "more than in the sample": (
        {"n_topics": 301, "memory_mb": 256},
        "n_topics is 301, and there are 300 passages",
    ),
    "words that nobody says": (
        {"seeds": {"food": ["rockett"]}},
        "seed 'food': 'rockett' is not in the vocabulary (words of too few passages, or of too "
        "many, tell no topics apart); did you mean 'rocket'",
    ),
    "words of another seed": (
        {"seeds": {"a": ["puck"], "b": ["puck"]}},
        "no passage speaks for seed 'b' (seed 'a' has the same): give other words",
    ),
}


@pytest.mark.parametrize("encoder", ["lsa", "lexical"])
@pytest.mark.parametrize("name", LATER)
def test_what_the_passages_rule_out_is_refused_before_they_are_encoded(
    corpus, name, encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(stages, "encode_shards", None)  # not to be called
    options, says = LATER[name]
    with pytest.raises(ParameterError, match=re.escape(says)):
        Atlas.build(corpus, tmp_path / "a", encoder=encoder, **options)
    assert not (tmp_path / "a").exists()


def test_what_was_encoded_stays_where_topics_cannot_be_had(corpus, tmp_path, monkeypatch):
    folder = tmp_path / "a"

    class Kill(BaseException):
        pass

    def killed(*args, **options):
        raise Kill

    with monkeypatch.context() as patch:
        patch.setattr("isogloss.build.write.find_topics", killed)
        with pytest.raises(Kill):
            build(corpus, folder, n_topics=4)
    kept = sorted(path.name for path in Workspace(folder).folder.glob("vectors-*"))
    assert kept
    for options in ({"n_topics": 10**6}, {"seeds": {"food": ["zzzz"]}}):
        with pytest.raises(ParameterError):
            build(corpus, folder, **options)
        assert sorted(path.name for path in Workspace(folder).folder.glob("vectors-*")) == kept
    monkeypatch.setattr(stages, "is_fitted_on_source", lambda encoder: False)
    assert Workspace(folder).read_plan()["n_topics"] == 4
    monkeypatch.undo()
    atlas, _ = build(corpus, folder)  # with none given, it goes on with those of the first
    assert topics_of(atlas) == {**DEFAULTS, "n_topics": 4}


CODE = """
import json
from isogloss.atlas import Atlas
Atlas.build(argv[0], argv[1], encoder="lsa", **json.loads(argv[2]))
"""


def test_a_killed_build_ends_in_the_topics_it_was_asked_for_last(corpus, tmp_path):
    (tmp_path / "straight").mkdir()
    straight = {}
    for n in (3, 4):
        build(corpus, tmp_path / "straight" / "same", n_topics=n, seeds=SEEDS, fresh=True)
        straight[n] = outcome(tmp_path / "straight" / "same", tmp_path)
    place = ("isogloss.build.write.assign_shards", "before", 1)
    for number, more in enumerate([{}, {"n_topics": 4}]):
        folder = tmp_path / str(number) / "same"
        folder.parent.mkdir()
        options = json.dumps({"n_topics": 3, "seeds": SEEDS})
        code, err = killed_in(CODE, *place, corpus, folder, options)
        assert code == -9, err
        assert list((folder / "work").glob("topics-*"))
        atlas, _ = build(corpus, folder, **more)
        assert atlas.manifest.parameters["n_topics"] == more.get("n_topics", 3)
        assert outcome(folder, tmp_path) == straight[more.get("n_topics", 3)]


def test_a_fresh_build_begins_with_the_defaults(corpus, tmp_path, monkeypatch):
    build(corpus, tmp_path / "a", n_topics=3, min_topic_size=4, seeds=SEEDS)
    assert topics_of(build(corpus, tmp_path / "a", fresh=True)[0]) == DEFAULTS
    monkeypatch.setattr(pipeline.write, "make", None)
    build(corpus, tmp_path / "a", **DEFAULTS)  # the same, said aloud: nothing to do


def test_unfinished_additions_have_no_say_in_a_fresh_build(corpus, tmp_path):
    build(corpus, tmp_path / "a", n_topics=3)
    Workspace(tmp_path / "a").begin({"base": 1, "encoder": "lexical", "n_topics": 3})
    assert topics_of(build(corpus, tmp_path / "a", fresh=True)[0]) == DEFAULTS


FILES = {
    "missing": (None, "cannot read the seeds in"),
    "no JSON": ("{", "holds no seeds (Expecting"),
    "not text": (b"\xff\xfe\x00", "holds no seeds: it is not UTF-8 text"),
    "deep": ("[" * 100_000, "holds no seeds ("),
    "a list": ('["puck"]', "seeds are ['puck']: give names with lists of words"),
    "a number": ('{"ice": 3}', "seed 'ice' is 3: give a name and a list"),
    "null": ("null", "seeds are nothing (null): give names with lists of words"),
    "a name twice": ('{"ice": ["puck"], "ice": ["rink"]}', "'ice' stands in it twice"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_command_says_what_is_wrong_with_a_file_of_seeds(corpus, name, tmp_path, capfd):
    content, says = FILES[name]
    path = tmp_path / "seeds.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = ["build", str(corpus), "-o", str(tmp_path / "a"), "--topic-seeds", str(path)]
    assert main(command) == 2
    out, err = capfd.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert says in err
    assert "seeds.json" in err
    assert not (tmp_path / "a").exists()


def test_the_command_reads_toml_as_well_and_says_what_is_wrong_with_it(corpus, tmp_path, capfd):
    path = tmp_path / "seeds.toml"
    command = ["build", str(corpus), "-o", str(tmp_path / "a"), "-q", "--topic-seeds", str(path)]
    path.write_text("ice = [puck]")
    assert main(command) == 2
    assert "seeds.toml holds no seeds (" in capfd.readouterr().err
    path.write_text('ice = ["puck", "rink"]')
    assert main([*command, "--encoder", "lsa"]) == 0
    assert "ice" in Atlas.open(tmp_path / "a").topics.labels


@pytest.mark.parametrize("option", ["--n-topics", "--min-topic-size"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "", "2.5"])
def test_the_command_refuses_wrong_numbers_in_one_line(corpus, option, value, tmp_path, capfd):
    assert main(["build", str(corpus), "-o", str(tmp_path / "a"), "-q", option, value]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert "whole number" in err
    assert not (tmp_path / "a").exists()


def test_the_command_passes_on_what_it_is_given_and_info_shows_it(corpus, tmp_path, capfd):
    (tmp_path / "seeds.json").write_text(json.dumps(SEEDS))
    command = ["build", str(corpus), "-o", str(tmp_path / "a"), "--encoder", "lsa", "-q", "--json",
               "--n-topics", "4", "--min-topic-size", "5",
               "--topic-seeds", str(tmp_path / "seeds.json")]  # fmt: skip
    assert main(command) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["topics"], report["status"], report["refitted"]) == (4, "built", False)
    manifest = read_manifest(tmp_path / "a")
    assert {name: manifest.parameters[name] for name in NAMES} == {
        "n_topics": 4, "min_topic_size": 5,
        "seeds": {"Flight": ["moon", "nasa", "rocket", "shuttle"], "ice": ["puck"]},
    }  # fmt: skip
    assert main(["info", str(tmp_path / "a")]) == 0
    shown = capfd.readouterr().out
    assert re.search(r"parameters\.n_topics +4\n", shown)
    assert re.search(r"parameters\.min_topic_size +5\n", shown)
    assert re.search(r"parameters\.seeds\.Flight +moon, nasa, rocket, shuttle\n", shown)
    assert re.search(r"parameters\.seeds\.ice +puck\n", shown)
    assert main(["info", str(tmp_path / "a"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["parameters"]["seeds"]["ice"] == ["puck"]
    for more, said in ((command, "unchanged"), ([*command[:8], "--n-topics", "auto"], "refitted")):
        assert main(more) == 0
        assert json.loads(capfd.readouterr().out)["status"] == said


def test_an_empty_object_takes_seeds_away(corpus, tmp_path, capfd):
    build(corpus, tmp_path / "a", seeds=SEEDS)
    (tmp_path / "none.json").write_text("{}")
    command = ["build", str(corpus), "-o", str(tmp_path / "a"), "-q"]
    assert main([*command, "--topic-seeds", str(tmp_path / "none.json")]) == 0
    assert "found the topics of" in capfd.readouterr().out
    assert topics_of(Atlas.open(tmp_path / "a")) == DEFAULTS


def test_a_finished_atlas_refuses_more_topics_than_it_has_passages(corpus, tmp_path):
    atlas, _ = build(corpus, tmp_path / "a")
    with pytest.raises(ParameterError, match="n_topics is 301, and there are 300 passages"):
        build(corpus, tmp_path / "a", n_topics=301)
    with pytest.raises(ParameterError, match="'zzzz' is not in the vocabulary"):
        build(corpus, tmp_path / "a", seeds={"food": ["zzzz"]})
    assert not (tmp_path / "a" / "work").exists()
    assert read_manifest(tmp_path / "a") == atlas.manifest
    with pytest.raises(AtlasError, match="seed 0, not 1"):
        build(corpus, tmp_path / "a", n_topics=3, seed=1)
