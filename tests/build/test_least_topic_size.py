"""A least size of topics that a small corpus cannot have is told, not made less in silence."""

import numpy as np
import pytest

from isogloss.app.cli.main import main
from isogloss.topics.model import TopicModel

SAID = "min_topic_size is 50, but topics of 6 passages stay"


@pytest.fixture
def source(tmp_path):
    words = ["moon rocket orbit crater", "bread oven flour butter", "goal match referee league"]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"{words[i % 3]} number{i}" for i in range(120)))
    return path


def built(capfd, source, *options):
    target = source.with_suffix(".atlas")
    assert main(["build", str(source), "-o", str(target), "--encoder", "lsa", "-q", *options]) == 0
    return capfd.readouterr().err


def test_a_build_tells_it_when_the_size_is_asked_for(source, capfd):
    assert built(capfd, source) == ""  # the default of 10 is less here as well
    said = built(capfd, source, "--min-topic-size", "50")
    assert said.count(SAID) == 1
    assert said.startswith("isogloss: warning: ")
    assert "looked at" not in built(capfd, source, "--min-topic-size", "6")


def test_a_model_says_what_was_used():
    rows = np.repeat(np.eye(3, dtype=np.float32), 40, axis=0)
    model = TopicModel(neighbours=5, min_topic_size=50).fit(rows)
    assert (model.min_topic_size, model.min_topic_size_) == (50, 6)
    again = TopicModel.from_arrays(*model.to_arrays())
    assert again.min_topic_size_ == 6
    assert TopicModel(neighbours=5, min_topic_size=4).fit(rows).min_topic_size_ == 4
