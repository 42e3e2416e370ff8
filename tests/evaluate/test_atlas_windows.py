"""Window coherence of an atlas, over all its passages or a sample of them."""

import pytest

import isogloss as ig
from isogloss.evaluate import atlas as module
from isogloss.evaluate import evaluate_topics
from isogloss.text import tokenize


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    texts = [f"{'cats purr and dogs bark' if i % 2 else 'stone and granite rock'} {i}"
             for i in range(80)]  # fmt: skip
    path = tmp_path_factory.mktemp("windows") / "a.atlas"
    return ig.Atlas.build(texts, path, encoder="lsa")


def test_an_atlas_counts_windows_over_its_own_texts(atlas):
    leaves = atlas.topics.leaves
    keywords = [list(topic.keywords) for topic in leaves]
    texts = [text for batch in atlas.passages(["text"]) for text in batch["text"].to_pylist()]
    labels = [label for batch in atlas.passages(["topic"]) for label in batch["topic"].to_numpy()]
    plain = evaluate_topics(
        module.rows_of_leaves(atlas.topics, module.np.array(labels)), keywords,
        texts=tokenize(texts),
    )  # fmt: skip
    found = atlas.evaluate_topics()
    assert found["npmi_window"]["value"] == pytest.approx(plain["npmi_window"].value, abs=1e-6)
    assert "sample" not in found["notes"]["npmi_window"]


def test_of_many_passages_a_sample_is_read_and_the_note_says_so(atlas, monkeypatch):
    read = []
    plain = module._chosen

    def chosen(total, most, seed):
        read.append(most)
        return plain(total, most, seed)

    monkeypatch.setattr(module, "_chosen", chosen)
    monkeypatch.setattr(module, "WINDOW_PASSAGES", 30)
    found = atlas.evaluate_topics()
    assert 30 in read
    assert found["notes"]["npmi_window"].endswith("a sample of 30 passages")
    assert found == atlas.evaluate_topics()


def test_each_passage_is_cut_into_tokens_once(atlas, monkeypatch):
    import isogloss.text as text

    pytest.importorskip("gensim")
    cut, plain = [], text.tokenize

    def tokens_of(texts):
        cut.extend(texts)
        return plain(texts)

    monkeypatch.setattr(text, "tokenize", tokens_of)
    monkeypatch.setattr(module, "WINDOW_PASSAGES", 60)
    monkeypatch.setattr(module, "CV_PASSAGES", 20)
    found = atlas.evaluate_topics()
    assert len(cut) == len(set(cut)) == 60
    assert "in 20 texts" in found["notes"]["c_v"]
