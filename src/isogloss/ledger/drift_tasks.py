"""Three tasks of retrieval with other words each, and an encoder trained on one after the other."""

import copy
import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.files import atomic_path
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.drift.compensation import Side
from isogloss.drift.distil import encode_texts, train_encoder
from isogloss.evaluate.corpora import read_table
from isogloss.ledger.system import Context
from isogloss.ledger.upper_layers import UpperLayers, lower_states, split_model

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
LOWER = 4  # layers that stay as they are
TOKENS = 40
TRAIN, SPARE, TEST = 1500, 300, 500  # pairs; the spare ones chose the learning rate
LEAST_WORDS = 5
TASKS = ("news", "packages", "diseases")
ARMS = ("plain", "distilled")


@dataclass(frozen=True, slots=True)
class Task:
    """Queries, and the document that answers each.

    Parameters
    ----------
    name : str
    queries, documents : list of str
        Pairs: first those of the training, then the spare ones, then those of the test.
    train, spare : int
        How many are for the training, and how many are spare.
    """

    name: str
    queries: list[str]
    documents: list[str]
    train: int
    spare: int

    @property
    def test(self) -> slice:
        """Places of the queries that are scored."""
        return slice(self.train + self.spare, len(self.queries))


class Age(NamedTuple):
    """The encoder after a task, and its vectors.

    Attributes
    ----------
    side : Side
    asked : float32 (q, d)
        The test queries of the first task.
    documents : float32 (n, d)
        The documents of the first task.
    before, after : float32 (m, d)
        The training queries of the task by the encoder before and after it.
    own : float32 (m, d)
        The training queries of the first task.
    by_first : float32 (m, d)
        The training queries of the task by the first encoder.
    """

    side: Side
    asked: NDArray[np.float32]
    documents: NDArray[np.float32]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    own: NDArray[np.float32]
    by_first: NDArray[np.float32]


def read_tasks(context: Context) -> list[Task]:
    """Read the tasks: headlines and news, one-liners and packages, names and diseases.

    What a document shares with its query word by word, a title at its head or a first sentence
    that repeats the one-liner, is taken off.
    """
    news = read_table(context.path("agnews_test", "data.parquet"), ["title", "text"])
    packages = read_table(context.path("debian_packages", "data.parquet"), ["short", "text"])
    diseases = read_table(context.path("disease_ontology", "data.parquet"), ["name", "definition"])
    pairs = {
        "news": [
            (title, text[len(title) :].lstrip(". "))
            for title, text in zip(*news.values(), strict=True)
            if text.startswith(title)
        ],
        "packages": [
            (short, text.partition(". ")[2]) for short, text in zip(*packages.values(), strict=True)
        ],
        "diseases": list(zip(*diseases.values(), strict=True)),
    }
    return [_task(context, name, pairs[name], first=name == TASKS[0]) for name in TASKS]


def _task(context: Context, name: str, pairs: list[tuple[Any, Any]], *, first: bool) -> Task:
    seen: set[str] = set()
    kept = []
    for query, document in pairs:
        if not query or not document or len(document.split()) < LEAST_WORDS:
            continue
        if query not in seen and document not in seen:
            seen |= {query, document}
            kept.append((query, document))
    train, spare, test = (context.most(size) for size in (TRAIN, SPARE, TEST))
    order = np.random.default_rng(0).permutation(len(kept))[: train + spare + first * test]
    drawn = [kept[place] for place in order.tolist()]
    return Task(name, [q for q, _ in drawn], [d for _, d in drawn], train, spare)


class Trainer:
    """Trains the encoder task by task; what an earlier run trained is taken from the cache.

    Parameters
    ----------
    context : Context
    steps, batch : int
        Batches a task, and pairs a batch.
    rate : float
        Highest learning rate.
    """

    def __init__(self, context: Context, *, steps: int, batch: int, rate: float) -> None:
        self._context = context
        self._steps, self._batch, self._rate = steps, batch, rate
        self.tasks = read_tasks(context)
        model, upper, self.fingerprint = split_model(MODEL, lower=LOWER, tokens=TOKENS)
        states: dict[str, NDArray[np.float16]] = {}
        for task in self.tasks:
            texts = [*task.queries, *task.documents]
            key = _digest([self.fingerprint, LOWER, TOKENS, texts])
            place = context.cache / "drift" / f"states-{task.name}-{key}.safetensors"
            states |= lower_states(model, texts, place, on_event=context.on_event)
        self._start = UpperLayers(upper, states)

    def ages(self, arm: str, seed: int) -> list[Age]:
        """Give the encoder after each task.

        Parameters
        ----------
        arm : {"plain", "distilled"}
            The first task is the same for both, and for all seeds.
        seed : int
            Order of the pairs, and dropout.
        """
        first = self._trained(self._start, self.tasks[0], distil=False, seed=0, past=())
        past: tuple[Any, ...] = (self.tasks[0].name,)
        found = [self._age(first, first, first, self.tasks[0])]
        before = first
        for task in self.tasks[1:]:
            past = (*past, arm, seed, task.name)
            after = self._trained(before, task, distil=arm == "distilled", seed=seed, past=past)
            found.append(self._age(first, before, after, task))
            before = after
        return found

    def spare(self, model: UpperLayers, task: Task) -> NDArray[np.float64]:
        """Give nDCG@10 of the spare queries of a task, among all its documents."""
        asked = task.queries[task.train : task.train + task.spare]
        places = np.arange(task.train, task.train + task.spare)
        return known_item_ndcg(
            encode_texts(model, asked), encode_texts(model, task.documents), places
        )

    def _trained(
        self, model: UpperLayers, task: Task, *, distil: bool, seed: int, past: tuple[Any, ...]
    ) -> UpperLayers:
        made = copy.deepcopy(model)
        about = [
            model.fingerprint,
            task.name,
            distil,
            seed,
            self._steps,
            self._batch,
            self._rate,
            list(past),
        ]
        key = _digest([*about, task.queries[: task.train], task.documents[: task.train]])
        place = self._context.cache / "drift" / f"upper-{key}.safetensors"
        if place.is_file():
            return made.load(place)
        self._context.say(
            f"train on {task.name}, {'distilled' if distil else 'plain'}, seed {seed}"
        )
        train_encoder(
            made,
            task.queries[: task.train],
            task.documents[: task.train],
            distil=distil,
            steps=self._steps,
            batch_size=self._batch,
            learning_rate=self._rate,
            seed=seed,
        )
        made.save(place)
        return made

    def _age(self, first: UpperLayers, before: UpperLayers, after: UpperLayers, task: Task) -> Age:
        old = self.tasks[0]
        trained = task.queries[: task.train]
        dim = int(after.layers[0].output.dense.out_features)
        return Age(
            Side(f"after {task.name}", after.fingerprint, dim),
            asked=self._vectors(after, old.queries[old.test]),
            documents=self._vectors(after, old.documents),
            before=self._vectors(before, trained),
            after=self._vectors(after, trained),
            own=self._vectors(after, old.queries[: old.train]),
            by_first=self._vectors(first, trained),
        )

    def _vectors(self, model: UpperLayers, texts: list[str]) -> NDArray[np.float32]:
        """Encode texts, or take what an earlier run encoded."""
        key = _digest([model.fingerprint, texts])
        place = self._context.cache / "drift" / f"vectors-{key}.safetensors"
        if not place.is_file():
            self._context.say("encode", 0, len(texts), "texts")
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(place) as path:
                save_tensors(path, {"vectors": encode_texts(model, texts)})
        return load_tensors(place)["vectors"]


def known_item_ndcg(
    queries: NDArray[np.float32], documents: NDArray[np.float32], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Give nDCG@10 of queries with one right document each: float64 (q,).

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> known_item_ndcg(rows[:2], rows, np.array([0, 2])).round(4).tolist()
    [1.0, 0.5]
    """
    from isogloss._math.topk import nearest_rows

    near, _ = nearest_rows(
        np.ascontiguousarray(queries, dtype=np.float32), np.ascontiguousarray(documents), 10
    )
    hit = near == right[:, None]
    return np.where(hit.any(axis=1), 1.0 / np.log2(hit.argmax(axis=1) + 2.0), 0.0)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]
