"""Local data as tasks of mteb 2: no hub, no download, and no name that mteb gives to others."""

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.extras import need
from isogloss.mteb.data import LabelledData, RetrievalData

_SPLIT = "test"


def retrieval_task(
    name: str,
    data: RetrievalData,
    *,
    description: str = "",
    languages: tuple[str, ...] = ("eng-Latn",),
    adapted_from: Sequence[str] = (),
    prompt: dict[str, str] | None = None,
) -> Any:
    """Make an mteb task of retrieval out of documents, queries and judgements.

    Parameters
    ----------
    name : str
        Letters, digits, ``-`` and ``_``; no name of a task that mteb has.
    data : RetrievalData
    description : str
        What it is, for mteb's tables.
    languages : tuple of str
        As ``"eng-Latn"``.
    adapted_from : sequence of str
        Tasks of mteb that have the same texts: models that were trained on those are not
        zero-shot here.
    prompt : dict, optional
        Instructions under ``"query"`` and ``"document"``, for models that take them.

    Returns
    -------
    mteb.abstasks.AbsTaskRetrieval
        Its revision is the digest of the data; the main score is nDCG at 10.

    Raises
    ------
    ParameterError
        For a name that cannot be used.

    Examples
    --------
    >>> data = RetrievalData({"d": ("", "a cat")}, {"q": "cats"}, {"q": {"d": 1}})
    >>> task = retrieval_task("PetsLocal", data)  # doctest: +SKIP
    """
    abstasks = need("mteb.abstasks", extra="mteb")
    datasets = need("datasets", extra="mteb")
    metadata = _metadata(
        name,
        data.digest(),
        type="Retrieval",
        category="t2t",
        main_score="ndcg_at_10",
        description=description,
        languages=languages,
        adapted_from=adapted_from,
        prompt=prompt,
    )

    def dataset() -> Any:
        documents = [
            {"id": key, "title": title, "text": text}
            for key, (title, text) in data.documents.items()
        ]
        asked = [{"id": key, "text": text} for key, text in data.queries.items()]
        judged = set(data.judged)
        return {
            "default": {
                _SPLIT: {
                    "corpus": datasets.Dataset.from_list(documents),
                    "queries": datasets.Dataset.from_list(asked),
                    "relevant_docs": {
                        query: dict(grades)
                        for query, grades in data.qrels.items()
                        if query in judged
                    },
                    "top_ranked": None,
                }
            }
        }

    return _make(abstasks.AbsTaskRetrieval, name, metadata, dataset)


def clustering_task(
    name: str,
    data: LabelledData,
    *,
    description: str = "",
    languages: tuple[str, ...] = ("eng-Latn",),
    adapted_from: Sequence[str] = (),
    most: int | None = None,
    sample: int = 16_384,
    bootstraps: int = 10,
) -> Any:
    """Make an mteb task of clustering out of labelled texts.

    Parameters
    ----------
    name, description, languages, adapted_from
        As in `retrieval_task`.
    data : LabelledData
        Only its test part is used.
    most : int, optional
        Texts that are embedded, drawn once; all by default. (mteb's own tasks take 4%.)
    sample : int
        Texts of each clustering, drawn with replacement from those.
    bootstraps : int
        Clusterings; the main score is the mean of their V-measures.

    Returns
    -------
    mteb.abstasks.AbsTaskClustering

    Raises
    ------
    ParameterError
        For a name that cannot be used.
    """
    abstasks = need("mteb.abstasks", extra="mteb")
    datasets = need("datasets", extra="mteb")
    if most is not None:
        whole_number(most, "most", 2)
    whole_number(sample, "sample", 2)
    whole_number(bootstraps, "bootstraps", 1)
    kept = data.part(test=True)
    metadata = _metadata(
        name,
        kept.digest(),
        type="Clustering",
        category="t2c",
        main_score="v_measure",
        description=description,
        languages=languages,
        adapted_from=adapted_from,
        prompt=None,
    )

    def dataset() -> Any:
        rows = {"sentences": kept.texts, "labels": kept.labels}
        # "default" is one dataset in mteb, with its splits under it
        return datasets.DatasetDict({_SPLIT: datasets.Dataset.from_dict(rows)})

    return _make(
        abstasks.AbsTaskClustering,
        name,
        metadata,
        dataset,
        max_fraction_of_documents_to_embed=None,
        max_document_to_embed=most,
        max_documents_per_cluster=sample,
        n_clusters=bootstraps,
    )


def classification_task(
    name: str,
    data: LabelledData,
    *,
    description: str = "",
    languages: tuple[str, ...] = ("eng-Latn",),
    adapted_from: Sequence[str] = (),
    samples_per_label: int = 8,
    experiments: int = 10,
) -> Any:
    """Make an mteb task of classification out of labelled texts.

    Parameters
    ----------
    name, description, languages, adapted_from
        As in `retrieval_task`.
    data : LabelledData
        Its test part is scored; a logistic regression learns from samples of the others.
    samples_per_label, experiments : int
        mteb's own numbers are 8 and 10.

    Returns
    -------
    mteb.abstasks.AbsTaskClassification
        Its main score is accuracy.

    Raises
    ------
    ParameterError
        For a name that cannot be used, or data without a part to learn from.
    """
    abstasks = need("mteb.abstasks", extra="mteb")
    datasets = need("datasets", extra="mteb")
    whole_number(samples_per_label, "samples_per_label", 1)
    whole_number(experiments, "experiments", 1)
    if all(data.test):
        raise ParameterError("every row is marked as test: classification needs others to learn")
    if not any(data.test):
        raise ParameterError("no row is marked as test: there is nothing to score")
    parts = {"train": data.part(test=False), _SPLIT: data.part(test=True)}
    unseen = sorted(set(parts[_SPLIT].labels) - set(parts["train"].labels))
    if unseen:
        raise ParameterError(f"the label {unseen[0]!r} is in the test part only")
    number = {label: place for place, label in enumerate(sorted(set(data.labels)))}
    metadata = _metadata(
        name,
        data.digest(),
        type="Classification",
        category="t2c",
        main_score="accuracy",
        description=description,
        languages=languages,
        adapted_from=adapted_from,
        prompt=None,
    )

    def dataset() -> Any:
        return datasets.DatasetDict(
            {
                split: datasets.Dataset.from_dict(
                    {"text": part.texts, "label": [number[label] for label in part.labels]}
                )
                for split, part in parts.items()
            }
        )

    return _make(
        abstasks.AbsTaskClassification,
        name,
        metadata,
        dataset,
        samples_per_label=samples_per_label,
        n_experiments=experiments,
    )


def _make(base: Any, name: str, metadata: Any, dataset: Callable[[], Any], **settings: Any) -> Any:
    """Make a task of a class of its own, as mteb keeps metadata and settings on the class."""

    def load_data(self: Any, num_proc: int | None = None, **options: Any) -> None:
        if not self.data_loaded:
            self.dataset = dataset()
            self.data_loaded = True

    def evaluate(self: Any, *args: Any, **options: Any) -> Any:
        # mteb goes on drawing where the last model left off: scores would depend on the order
        self.rng_state = random.Random(self.seed)
        self.np_rng = np.random.default_rng(self.seed)
        return base.evaluate(self, *args, **options)

    body = {
        "metadata": metadata,
        "load_data": load_data,
        "evaluate": evaluate,
        "__module__": __name__,
        **settings,
    }
    return type(name, (base,), body)()


@cache
def _taken() -> frozenset[str]:
    """Names of mteb's own tasks."""
    mteb = need("mteb", extra="mteb")
    return frozenset(task.metadata.name for task in mteb.get_tasks(exclude_superseded=False))


def _metadata(
    name: str,
    revision: str,
    *,
    type: str,  # noqa: A002 - mteb's word
    category: str,
    main_score: str,
    description: str,
    languages: tuple[str, ...],
    adapted_from: Sequence[str],
    prompt: dict[str, str] | None,
) -> Any:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise ParameterError(f"the task's name is {name!r}: letters, digits, '-' and '_' are due")
    for language in languages:
        if not re.fullmatch(r"[a-z]{3}-[A-Z][a-z]{3}", language):
            raise ParameterError(f"the language is {language!r}: write it as 'eng-Latn'")
    if name in _taken():
        raise ParameterError(
            f"{name!r} is a task of mteb: own data must not be scored under its name; "
            f"call it {name + 'Local'!r}"
        )
    return need("mteb.abstasks.task_metadata", extra="mteb").TaskMetadata(
        name=name,
        dataset={"path": "local", "revision": revision},
        description=description or f"Local data, {type.lower()}.",
        type=type,
        category=category,
        modalities=["text"],
        eval_splits=[_SPLIT],
        eval_langs=list(languages),
        main_score=main_score,
        prompt=prompt,
        adapted_from=list(adapted_from) or None,
        is_public=False,
    )
