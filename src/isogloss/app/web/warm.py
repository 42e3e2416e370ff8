"""Import and load before the first request what requests use.

The package may be replaced under a server that runs: what is imported later would be of another
version, or not there at all. It also spares the first client the wait.
"""

import importlib
import logging
from collections.abc import Sequence

from isogloss.app.web.asgi import Refusal
from isogloss.app.web.explorer import Explorer

SEARCH = (
    "isogloss.build.stages", "isogloss.drift.queries", "isogloss.encoders.spec",
    "isogloss.search.filters", "isogloss.search.passage_index", "isogloss.search.passages",
    "isogloss.search.results", "isogloss.search.second_stage", "isogloss.search.steps",
    "isogloss.search.topics", "isogloss.store.quick_lance", "isogloss.store.readers",
    "isogloss.store.state", "isogloss.store.table", "lancedb.index", "lancedb.query",
    "lancedb.remote.table",
)  # fmt: skip
EXPLORER = (
    *SEARCH, "isogloss.build.edit", "isogloss.build.maps", "isogloss.build.refill",
    "isogloss.build.undo", "isogloss.layout.stored", "isogloss.store.edits",
    "isogloss.topics.exemplars", "isogloss.topics.keyword_rules", "isogloss.topics.keywords",
    "isogloss.topics.model", "isogloss.topics.periods", "isogloss.topics.spread",
    "isogloss.topics.times", "isogloss.topics.topic_counts", "isogloss.topics.trends",
    "isogloss.topics.whole_words", "resource", "scipy.special", "threadpoolctl",
)  # fmt: skip

log = logging.getLogger("isogloss.web")


def import_all(names: Sequence[str]) -> None:
    """Import modules.

    Examples
    --------
    >>> import_all(["isogloss.search.results"])
    """
    for name in names:
        importlib.import_module(name)


def warm(explorer: Explorer) -> None:
    """Make an explorer ready: its modules, its encoder, its index.

    An encoder that cannot be loaded is logged; searches by words go on, and searches by meaning
    say it again (503).
    """
    import_all(EXPLORER)
    try:
        explorer.current.prepare()
    except Refusal as refusal:
        log.warning("isogloss: search by words only: %s", refusal.message)
