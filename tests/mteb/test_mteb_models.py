"""Encoders and searches of ours inside mteb, on tiny tasks of local data."""

import json

import numpy as np
import pytest

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.base import Truncation, unit_rows
from isogloss.mteb.data import LabelledData, RetrievalData

pytestmark = pytest.mark.models
mteb = pytest.importorskip("mteb")
datasets = pytest.importorskip("datasets")

from isogloss.mteb.downsample import v_measures  # noqa: E402
from isogloss.mteb.model import MtebEncoder, load_model  # noqa: E402
from isogloss.mteb.run import evaluate, ndcg_of_run, read_run, summary  # noqa: E402
from isogloss.mteb.search import MtebSearch  # noqa: E402
from isogloss.mteb.tasks import (  # noqa: E402
    classification_task,
    clustering_task,
    retrieval_task,
)

ANIMALS = ["cat", "dog", "cow", "hen", "owl", "bee"]


class Counting:
    """Counts letters; queries and documents differ, so that a lost prompt shows."""

    spec = "words:letters.vec"
    dim = 26
    fingerprint = "letters"
    max_tokens = None
    prompts = {"query": "find: "}

    def __init__(self):
        self.truncation = Truncation()
        self.calls = []

    def encode(self, texts, *, batch_size=None):
        self.calls.append(("document", len(texts)))
        return self.count(texts)

    def encode_query(self, texts):
        self.calls.append(("query", len(texts)))
        return self.count([f"find: {text}" for text in texts])

    def count(self, texts):
        rows = np.zeros((len(texts), 26))
        for row, text in enumerate(texts):
            for char in text.lower():
                if "a" <= char <= "z":
                    rows[row, ord(char) - 97] += 1
        return unit_rows(rows)


@pytest.fixture(scope="module")
def found():
    documents = {
        f"d{n}": ("Note" if n % 2 else "", f"a {name} sat") for n, name in enumerate(ANIMALS)
    }
    queries = {f"q{n}": f"where is the {name}" for n, name in enumerate(ANIMALS)}
    qrels = {f"q{n}": {f"d{n}": 2, f"d{(n + 1) % 6}": 1} for n in range(6)}
    return RetrievalData(documents, queries, qrels)


@pytest.fixture(scope="module")
def labelled():
    texts = [f"{name} number {n} is {name}" for n in range(10) for name in ANIMALS]
    return LabelledData(
        texts, [text.split()[0] for text in texts], [n // 6 % 2 == 0 for n in range(60)]
    )


def tasks_of(found, labelled):
    return [
        retrieval_task("PetsFoundLocal", found),
        clustering_task("PetsSortedLocal", labelled, sample=40, bootstraps=3),
        classification_task("PetsNamedLocal", labelled, samples_per_label=2, experiments=2),
    ]


def test_three_kinds_of_task_run_and_scores_are_our_scorers(tmp_path, found, labelled):
    stub = Counting()
    model = MtebEncoder(stub, training_datasets=["MSMARCO"])
    scores = evaluate([model], tasks_of(found, labelled), tmp_path)
    by_kind = {one.kind: one for one in scores}
    written = json.loads(by_kind["Retrieval"].file.read_text())
    assert written["scores"]["test"][0]["main_score"] == by_kind["Retrieval"].value
    ours = ndcg_of_run(found.qrels, read_run(by_kind["Retrieval"].predictions))
    assert by_kind["Retrieval"].value == pytest.approx(np.mean(list(ours.values())), abs=5.1e-6)
    assert round(np.mean(list(ours.values())), 5) == pytest.approx(
        by_kind["Retrieval"].value, abs=1e-6
    )
    kept = labelled.part(test=True)
    own = v_measures(stub.count(kept.texts), kept.labels, sample=40, bootstraps=3)
    assert by_kind["Clustering"].value == pytest.approx(np.mean(own), abs=1e-6)
    assert by_kind["Classification"].metric == "accuracy"
    assert ("query", 6) in stub.calls and ("document", 6) in stub.calls
    assert all(one.zero_shot for one in scores)
    assert summary(scores)[scores[0].model]["borda"] == 0.0


def test_scores_do_not_depend_on_who_came_before(tmp_path, labelled):
    task = clustering_task("PetsSortedLocal", labelled, sample=25, bootstraps=2)
    model = MtebEncoder(Counting(), training_datasets=())
    first = evaluate([model], [task], tmp_path / "a")[0].value
    again = evaluate([model], [task], tmp_path / "b")[0].value
    assert first == again


def test_queries_go_with_the_prompt_of_queries():
    model = MtebEncoder(Counting(), training_datasets=())
    batch = [{"text": ["owl"]}]
    query = model.encode(batch, prompt_type=mteb.types.PromptType.query)
    document = model.encode(batch, prompt_type=mteb.types.PromptType.document)
    assert model.encode(batch).tolist() == document.tolist() != query.tolist()
    assert model.mteb_model_meta.use_instructions is True
    assert model.similarity(query, document).shape == (1, 1)
    assert model.similarity_pairwise(query, query)[0] == pytest.approx(1, abs=1e-6)


def test_what_mteb_is_told():
    about = MtebEncoder("lexical").mteb_model_meta
    assert about.embed_dim == [64, 128, 256, 384]
    assert about.name == "isogloss/lexical" and "MSMARCO" in about.training_datasets
    assert about.adapted_from == "sentence-transformers/all-MiniLM-L6-v2"
    cut = MtebEncoder("lexical", dim=64)
    assert cut.mteb_model_meta.embed_dim == 64
    assert cut.mteb_model_meta.experiment_kwargs == {"embed_dim": 64}
    vectors = cut.encode([{"text": ["a cat", "a dog"]}])
    assert vectors.shape == (2, 64) and np.allclose(np.linalg.norm(vectors, axis=1), 1)
    again = about.load_model(embed_dim=64)
    assert again.encode([{"text": ["a cat", "a dog"]}]).tolist() == vectors.tolist()
    with pytest.raises(EncoderError, match="changed"):
        load_model("isogloss/lexical", "another", spec="lexical")


def test_what_is_refused():
    with pytest.raises(ParameterError, match="encoder is 3: give an encoder or its spec"):
        MtebEncoder(3)
    with pytest.raises(ParameterError, match="not known on what"):
        MtebEncoder(Counting())
    with pytest.raises(ParameterError, match="give a list of names"):
        MtebEncoder(Counting(), training_datasets="MSMARCO")
    with pytest.raises(ParameterError, match="may be cut to"):
        MtebEncoder(Counting(), dim=7, training_datasets=())
    with pytest.raises(ParameterError, match="public model in mteb"):
        MtebEncoder("lexical", name="sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(ParameterError, match="organisation/model"):
        MtebEncoder("lexical", name="mine")
    with pytest.raises(EncoderError, match="fitted on texts first"):
        MtebEncoder("lsa")
    model = MtebEncoder("lexical")
    with pytest.raises(ParameterError, match="not lists of strings"):
        model.encode(["one text"])
    with pytest.raises(ParameterError, match="no 'text'"):
        model.encode([{"image": [1]}])
    with pytest.raises(ParameterError, match="precision"):
        model.encode([{"text": ["a"]}], precision="int8")
    assert (
        MtebEncoder(Counting(), training_datasets="unknown").mteb_model_meta.training_datasets
        is None
    )


def test_names_of_mteb_are_not_taken(found, labelled, tmp_path):
    with pytest.raises(ParameterError, match="is a task of mteb"):
        retrieval_task("NFCorpus", found)
    with pytest.raises(ParameterError, match="letters, digits"):
        clustering_task("my task", labelled)
    with pytest.raises(ParameterError, match="write it as 'eng-Latn'"):
        retrieval_task("PetsLocal", found, languages=("english",))
    with pytest.raises(ParameterError, match="sample is 0"):
        clustering_task("PetsLocal", labelled, sample=0)
    with pytest.raises(ParameterError, match="int is no model of mteb"):
        evaluate([1], [], tmp_path)
    with pytest.raises(ParameterError, match="every row is marked as test"):
        classification_task("X", LabelledData(["a", "b"], ["x", "y"], [True, True]))


def test_a_model_that_saw_the_data_is_not_zero_shot(tmp_path, found):
    task = retrieval_task("PetsFoundLocal", found, adapted_from=["MSMARCO"])
    models = [
        MtebEncoder(Counting(), training_datasets=["MSMARCO"]),
        MtebEncoder(Counting(), name="a/b", training_datasets="unknown"),
    ]
    assert [one.zero_shot for one in evaluate(models, [task], tmp_path)] == [False, None]


@pytest.mark.parametrize("mode", ["text", "vector", "hybrid"])
def test_the_search_takes_part(tmp_path, found, mode):
    model = MtebSearch(None if mode == "text" else "lsa", mode=mode, folder=tmp_path / "tables")
    assert isinstance(model, mteb.models.SearchProtocol)
    [score] = evaluate([model], [retrieval_task("PetsFoundLocal", found)], tmp_path)
    assert score.value > 0.5
    run = read_run(score.predictions)
    assert set(run) == set(found.queries) and max(run["q1"], key=run["q1"].get) == "d1"
    if mode == "vector":
        assert all(len(hits) == len(found.documents) for hits in run.values())


def test_reranking_stays_among_the_candidates(found):
    corpus = datasets.Dataset.from_list(
        [{"id": key, "text": text} for key, (_, text) in found.documents.items()]
    )
    queries = datasets.Dataset.from_list(
        [{"id": "q", "text": "a cat sat"}, {"id": "e", "text": " "}]
    )
    model = MtebSearch(None, mode="text")
    with pytest.raises(ParameterError, match="no corpus yet"):
        model.search(queries)
    model.index(corpus)
    among = {"q": ["d1", "d'2", "d4"], "e": ["d1"]}
    hits = model.search(queries, top_ranked=among, top_k=10)
    assert set(hits["q"]) == {"d1", "d4"} and hits["e"] == {}
    model.close()
    with pytest.raises(ParameterError, match="mode 'vectors' is not known"):
        MtebSearch(mode="vectors")
