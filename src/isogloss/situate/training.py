"""Trains the situated encoder of `ResidualSituator` on the sum of both scores.

A step takes a few documents with some of their queries. All chunks that answer a query, and for
each query the hardest other chunks *of the same document* by the frozen encoder, stand against
each other: since chunks of one document share their context, the context alone cannot tell them
apart. The loss is InfoNCE on ``(<E_b(q), E_b(c)> + <E_s(q), E_s(c, C)>) / temperature``.

A run that was stopped goes on at its last checkpoint and comes to the same bytes.

Paper: SitEmb-v1.5: Improved Context-Aware Dense Retrieval (2025).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.extras import need
from isogloss._core.files import storage_errors
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.base import Encoder
from isogloss.situate.adapter import Adapter
from isogloss.situate.base import Chunked, as_chunked, digest_of
from isogloss.situate.checkpoint import keep, resume
from isogloss.situate.model import TokenModel
from isogloss.situate.residual import ContextInput, Reach, ResidualSituator, read_description

__all__ = ["Pair", "ResidualSettings", "train_residual"]

Pair = tuple[str, int, int]  # query, document, chunk
CHECKPOINT = "training.safetensors"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualSettings:
    """How a situated encoder is trained.

    Parameters
    ----------
    encoder : str
        Spec of the frozen chunk encoder, as `load_encoder` takes it.
    model : str
        Folder or hub id of the model that the situated encoder grows from; it pools by mean.
    before, after : int
        Chunks of context on either side.
    pool : {"all", "chunk"}
        See `isogloss.situate.residual.Reach`.
    window : int, optional
        Tokens that the situated encoder reads; by default what the model says of itself.
    rank : int
        Of the low-rank adapter; larger learns more and costs little more.
    temperature : float
        Of the loss, above 0.
    learning_rate : float
        Of AdamW at its height; it rises over a tenth of the steps and then falls to 0.
    epochs : int
        How often each query is met.
    documents : int
        Documents in a step.
    queries : int
        Queries of a document in a step at most.
    negatives : int
        Other chunks of the same document for each query, the hardest by the chunk encoder.
    seed : int
        Of the adapter's first values and the order of documents.
    checkpoint : int
        Steps between two checkpoints.
    """

    encoder: str = MODEL
    model: str = MODEL
    before: int = 3
    after: int = 1
    pool: str = "all"
    window: int | None = None
    rank: int = 16
    temperature: float = 0.05
    learning_rate: float = 3e-3
    epochs: int = 1
    documents: int = 2
    queries: int = 16
    negatives: int = 8
    seed: int = 0
    checkpoint: int = 20

    def check(self) -> None:
        """Refuse what cannot be used.

        Raises
        ------
        ParameterError
            With the name of the setting and what would be right.
        """
        Reach(self.before, self.after, self.pool).check()
        for name in ("rank", "epochs", "documents", "queries", "negatives", "checkpoint"):
            if (value := getattr(self, name)) < 1:
                raise ParameterError(f"{name} is {value}: give 1 or more")
        for name in ("temperature", "learning_rate"):
            if not 0 < (rate := getattr(self, name)) < float("inf"):
                raise ParameterError(f"{name} is {rate}: give a number above 0")
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed is {self.seed}: give 0 or a positive 63-bit integer")


@dataclass(frozen=True, slots=True)
class _Step:
    """Queries (rows of the pairs) and the chunks that stand against each other."""

    pairs: list[int]
    candidates: list[tuple[int, int]]


def train_residual(
    documents: Sequence[Chunked | Sequence[str]],
    pairs: Sequence[Pair],
    folder: str | Path,
    settings: ResidualSettings | None = None,
    *,
    fresh: bool = False,
    on_event: OnEvent = ignore,
) -> ResidualSituator:
    """Train a situated encoder, and write it to a folder.

    Parameters
    ----------
    documents : sequence of Chunked or of list of str
    pairs : sequence of (str, int, int)
        A query, and the document and chunk (places from 0) that answers it. A query may stand in
        several pairs.
    folder : path
        Where it is kept. A run that was stopped there goes on; a finished one is loaded.
    settings : ResidualSettings, optional
    fresh : bool, default False
        Begin anew, whatever the folder holds of this kind.
    on_event : callable
        Takes progress.

    Returns
    -------
    ResidualSituator

    Raises
    ------
    ParameterError
        For pairs that name no chunk, or a folder that holds another training.
    EncoderError, MissingExtra, StorageError
        As from `load_encoder`, and when the disk refuses.
    """
    from isogloss.encoders.spec import load_encoder

    settings = settings or ResidualSettings()
    settings.check()
    cut = [as_chunked(document, place) for place, document in enumerate(documents)]
    _check_pairs(cut, pairs)
    chunk_encoder = load_encoder(settings.encoder)
    model = TokenModel(settings.model, window=settings.window)
    home = Path(folder).expanduser()
    identity = _identity(cut, pairs, settings, [chunk_encoder.fingerprint, model.fingerprint])
    if not fresh and _finished(home, identity):
        on_event(Event("train", message=f"{home} is trained already", level="info"))
        return ResidualSituator.load(home)
    reach = Reach(settings.before, settings.after, settings.pool)
    if home.exists() and not home.is_dir():
        raise ParameterError(f"{home} is a file: give the name of a folder")
    with storage_errors(str(home)):
        home.mkdir(parents=True, exist_ok=True)
    run = _Run(cut, pairs, settings, chunk_encoder, ContextInput(model, reach))
    losses = run.train(home, identity, fresh=fresh, on_event=on_event)
    adapter = run.adapter.arrays()
    run.adapter.detach()
    record = {
        "identity": identity,
        "settings": asdict(settings),
        "documents": len(cut),
        "pairs": len(pairs),
        "steps": len(losses),
        "loss_first": _mean(losses[: max(1, len(losses) // 10)]),
        "loss_last": _mean(losses[-max(1, len(losses) // 10) :]),
    }
    trained = ResidualSituator(chunk_encoder, model, reach=reach, adapter=adapter, record=record)
    trained.save(home)
    (home / CHECKPOINT).unlink(missing_ok=True)
    return trained


class _Run:
    """One training: what is frozen is computed once, the rest goes step by step."""

    def __init__(
        self,
        documents: list[Chunked],
        pairs: Sequence[Pair],
        settings: ResidualSettings,
        chunk_encoder: Encoder,
        reader: ContextInput,
    ) -> None:
        self.settings, self.reader, self.pairs = settings, reader, pairs
        self.readings = [reader.readings(document) for document in documents]
        # E_b is frozen: its vectors are computed once.
        self.starts = np.cumsum([0, *(len(document.chunks) for document in documents)])
        chunks = [text for document in documents for text in document.chunks]
        self.own_chunks = chunk_encoder.encode(chunks)
        self.own_queries = chunk_encoder.encode_query([query for query, _, _ in pairs])
        self.answers: dict[str, set[tuple[int, int]]] = {}
        for query, document, chunk in pairs:
            self.answers.setdefault(query, set()).add((document, chunk))
        self.adapter = Adapter(reader.model.model, rank=settings.rank, seed=settings.seed)

    def steps(self) -> Iterator[_Step]:
        """Give the steps of all epochs; the same for the same seed."""
        rng = np.random.default_rng(self.settings.seed)
        by_document: dict[int, list[int]] = {}
        for row, (_, document, _) in enumerate(self.pairs):
            by_document.setdefault(document, []).append(row)
        for _ in range(self.settings.epochs):
            groups = []
            for document in sorted(by_document):
                rows = rng.permutation(by_document[document]).tolist()
                size = self.settings.queries
                groups += [rows[start : start + size] for start in range(0, len(rows), size)]
            order = rng.permutation(len(groups)).tolist()
            for start in range(0, len(order), self.settings.documents):
                chosen = [groups[place] for place in order[start : start + self.settings.documents]]
                rows = [row for group in chosen for row in group]
                yield _Step(rows, self._candidates(rows))

    def _candidates(self, rows: list[int]) -> list[tuple[int, int]]:
        """Give the answers, and for each query the hardest other chunks of its document."""
        found = set()
        for row in rows:
            query, document, chunk = self.pairs[row]
            found.add((document, chunk))
            first, last = self.starts[document : document + 2]
            scores = self.own_chunks[first:last] @ self.own_queries[row]
            others = [
                place
                for place in np.argsort(-scores, kind="stable").tolist()
                if (document, place) not in self.answers[query]
                and not self.readings[document][place].empty
            ]
            found.update((document, place) for place in others[: self.settings.negatives])
        return sorted(found)

    def train(self, home: Path, identity: str, *, fresh: bool, on_event: OnEvent) -> list[float]:
        """Go through the steps that are left; give the losses of all."""
        torch = need("torch", extra="models")
        steps = list(self.steps())
        tensors = self.adapter.tensors
        names = sorted(tensors)
        optimiser = torch.optim.AdamW([tensors[name] for name in names], lr=1.0, weight_decay=0.0)
        losses: list[float] = []
        if not fresh:
            losses = resume(home / CHECKPOINT, identity, self.adapter, optimiser, names)
        with ONE_THREAD:
            for number in range(len(losses), len(steps)):
                on_event(Event("train", number, len(steps), "steps"))
                rate = self.settings.learning_rate * _schedule(number, len(steps))
                for group in optimiser.param_groups:
                    group["lr"] = rate
                optimiser.zero_grad()
                loss = self._loss(steps[number])
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
                if (number + 1) % self.settings.checkpoint == 0 and number + 1 < len(steps):
                    keep(home / CHECKPOINT, identity, self.adapter, optimiser, names, losses)
        on_event(Event("train", len(steps), len(steps), "steps"))
        return losses

    def _loss(self, step: _Step) -> Any:
        torch = need("torch", extra="models")
        chunks = [self.readings[document][chunk] for document, chunk in step.candidates]
        within = self._situated([(one.text, one.context) for one in chunks], "document")
        asked = self._situated([(self.pairs[row][0], "") for row in step.pairs], "query")
        places = [self.starts[document] + chunk for document, chunk in step.candidates]
        frozen = self.own_queries[step.pairs] @ self.own_chunks[places].T
        scores = (torch.from_numpy(frozen) + asked @ within.T) / self.settings.temperature
        column = {one: number for number, one in enumerate(step.candidates)}
        truth, hidden = [], np.zeros(frozen.shape, dtype=bool)
        for line, row in enumerate(step.pairs):
            query, document, chunk = self.pairs[row]
            truth.append(column[document, chunk])
            for other in self.answers[query] - {(document, chunk)}:
                if other in column:  # it answers as well: neither right nor wrong here
                    hidden[line, column[other]] = True
        scores = scores.masked_fill(torch.from_numpy(hidden), float("-inf"))
        return torch.nn.functional.cross_entropy(scores, torch.tensor(truth))

    def _situated(self, inputs: list[tuple[str, str]], kind: str) -> Any:
        """Encode by the situated encoder, with gradients; only a text's first window is used."""
        torch = need("torch", extra="models")
        items = [self.reader.items(text, context, kind=kind)[0] for text, context in inputs]
        tokens = self.reader.model.forward(items)
        weights = np.zeros(tokens.shape[:2], dtype=np.float32)
        for row, item in enumerate(items):
            for start, stop in item.spans:
                weights[row, start:stop] = 1 / (stop - start)
        pooled = (tokens * torch.from_numpy(weights)[:, :, None]).sum(dim=1)
        for layer in self.reader.model.head.dense:
            pooled = pooled @ torch.from_numpy(layer.weight) + torch.from_numpy(layer.bias)
            if layer.activation != "Identity":
                pooled = getattr(torch, layer.activation.lower())(pooled)
        return torch.nn.functional.normalize(pooled, dim=1)


def _schedule(number: int, steps: int) -> float:
    rise = max(1, steps // 10)
    return min((number + 1) / rise, (steps - number) / max(1, steps - rise))


def _check_pairs(documents: list[Chunked], pairs: Sequence[Pair]) -> None:
    if not pairs:
        raise ParameterError("no pairs to learn from: give (query, document, chunk) triples")
    for row, pair in enumerate(pairs):
        try:
            query, document, chunk = pair
            known = 0 <= document < len(documents) and 0 <= chunk < len(documents[document].chunks)
            good = known and isinstance(query, str) and bool(query.strip())
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ParameterError(
                f"pairs[{row}] is {str(pair)[:80]!r}: give a query, and the places of a document "
                f"(below {len(documents)}) and of a chunk in it"
            )
        if not documents[document].chunks[chunk].strip():
            raise ParameterError(f"pairs[{row}] names a chunk without content")


def _identity(
    documents: list[Chunked], pairs: Sequence[Pair], settings: ResidualSettings, prints: list[str]
) -> str:
    told = {name: value for name, value in asdict(settings).items() if name != "checkpoint"}
    parts = [str(sorted(told.items())), *prints]
    for document in documents:
        parts += [document.title, str(len(document.chunks)), *document.chunks]
    parts += [f"{query}\0{document}\0{chunk}" for query, document, chunk in pairs]
    return digest_of(parts)


def _finished(home: Path, identity: str) -> bool:
    if not (home / "isogloss.json").exists():
        return False
    told = read_description(home)
    if told["training"].get("identity") != identity:
        raise ParameterError(
            f"{home} holds a situator of other texts or settings: give another folder, or "
            "fresh=True to replace it"
        )
    return True


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 6)
