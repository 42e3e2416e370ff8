"""The scores of a finished atlas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.evaluate.topics import evaluate_topics

if TYPE_CHECKING:
    from isogloss.atlas import Atlas


def evaluate_atlas(atlas: "Atlas", *, labels: str | None, seed: int = 0) -> dict[str, Any]:
    """Measure the leaf topics of an atlas; see `Atlas.evaluate_topics`."""
    from isogloss.text import Vocabulary

    vocabulary = Vocabulary.load(atlas.path / atlas.manifest.state / "topics" / "vocabulary")
    columns = ["topic"] + ([labels] if labels is not None else [])
    table = [batch.select(columns) for batch in atlas.passages(columns)]
    assigned = np.concatenate([batch.column("topic").to_numpy() for batch in table])
    gold = None
    if labels is not None:
        gold = [value for batch in table for value in batch.column(labels).to_pylist()]

    def counts() -> Iterator[Any]:
        for batch in atlas.passages(["text"]):
            yield vocabulary.counts(batch.column("text").to_pylist())

    leaves = [topic.id for topic in atlas.topics.leaves]
    keywords = [list(topic.keywords) for topic in atlas.topics.leaves]
    # Topics are evaluated by their row among the leaves; -1 stays.
    row = np.full(len(atlas.topics) + 1, -1, dtype=np.int64)
    row[leaves] = np.arange(len(leaves))
    found = evaluate_topics(
        row[assigned], keywords, gold=gold, counts=counts(),
        vocabulary=vocabulary.words, seed=seed,
    )  # fmt: skip
    return found.to_json()
