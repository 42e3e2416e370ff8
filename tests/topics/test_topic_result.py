"""The one result type of topic models, and the interface around it."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss.topics import TopicEstimator, TopicResult, TopicTree


def example():
    return TopicResult(
        membership=sp.csr_matrix([[0.75, 0.25, 1.0], [0, 0, 0]]) / 2,
        labels=[0, -1],
        keywords=[["a"], ["b", "c"], []],
        topic_word=[[1, 0], [0, 2], [0, 0]],
        vocabulary=["a", "b"],
        weighting="counts",
        tree=TopicTree(parent=[2, 2, -1], size=[1, 0, 1], persistence=[1, 1, 1]),
        names=["x", "y", "z"],
        provenance={"seed": 3},
    )


def test_saves_and_loads_everything(tmp_path):
    one = example()
    one.save(tmp_path / "new")
    other = TopicResult.load(tmp_path / "new")
    assert (one.membership != other.membership).nnz == 0
    assert (one.topic_word != other.topic_word).nnz == 0
    assert other.labels.tolist() == [0, -1]
    for name in ("keywords", "vocabulary", "weighting", "names", "provenance"):
        assert getattr(one, name) == getattr(other, name)
    assert other.tree.to_json() == one.tree.to_json()


def test_refuses_a_format_of_the_future(tmp_path):
    example().save(tmp_path)
    path = tmp_path / "topics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 9}))
    with pytest.raises(AtlasError, match="format 9"):
        TopicResult.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0]}, "labels have shape"),
        ({"labels": [0, 3]}, "topics 3"),
        ({"keywords": [["a"]]}, "keywords has 1 entries"),
        ({"names": ["a"]}, "names has 1 entries"),
        ({"vocabulary": ["a"]}, "topic_word has shape"),
        ({"tree": TopicTree(parent=[-1], size=[2], persistence=[1])}, "the tree has 1 nodes"),
    ],
)
def test_refuses_parts_that_do_not_fit(change, message):
    one = example()
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
    with pytest.raises(ParameterError, match=message):
        TopicResult(**{**fields, **change})


class Nearest(TopicEstimator):
    """Labels rows by their largest column."""

    input_kind = "vectors"

    def fit(self, X, y=None, **given):
        self.result_ = TopicResult(self.transform(X), self.predict(X), [["w"]] * X.shape[1])
        return self

    def transform(self, X):
        return sp.csr_matrix(X)


def test_an_estimator_needs_a_fit_first():
    with pytest.raises(NotFitted, match="Nearest has learned nothing"):
        _ = Nearest().labels_


def test_an_estimator_gives_labels_and_memberships():
    rows = np.array([[0.1, 0.9], [0, 0]], dtype=np.float32)
    assert Nearest().fit_predict(rows).tolist() == [1, -1]
    assert Nearest().fit_transform(rows).toarray() == pytest.approx(rows)


def test_an_estimator_clones_as_scikit_learn_does():
    from sklearn.base import clone

    from isogloss.topics import TopicModel

    assert clone(TopicModel(neighbours=7)).get_params()["neighbours"] == 7
    assert clone(Nearest()).get_params() == {}
