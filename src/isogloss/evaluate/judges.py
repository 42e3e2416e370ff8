"""Stand-ins that answer topic tasks where no people are at hand, and how far people agree.

A stand-in's score is no measure of what people think: its notes begin with "stand-in".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import of_all
from isogloss._core.threads import single_threaded_blas
from isogloss.evaluate.human_tasks import CONTROL, Question, Task
from isogloss.evaluate.score import Score
from isogloss.evaluate.task_scores import Answer, auc_score, score_answers

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

__all__ = ["EncoderJudge", "Judge", "Verdict", "judge_agreement", "judge_answers", "judge_scores"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's answer to one question.

    Parameters
    ----------
    choice : int or None
        As in `Answer`; None where the judge gave none.
    score : float
        Mixing: the larger, the more like two topics. Intrusion: how far the chosen word stands
        out. NaN from a judge that does not weigh.
    """

    choice: int | None
    score: float = float("nan")


class Judge(Protocol):
    """Anything that answers questions in the place of people.

    Attributes
    ----------
    name : str
        Who answers, as ``"encoder lexical"``.
    """

    name: str

    def answer(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer all questions; one verdict each."""
        ...


class EncoderJudge:
    """Answers by the vectors of the words.

    The intruder is the word with the lowest mean cosine to the others. In a mixing task the half
    in bold and the other half are taken for two clusters, as people are asked to do, and a mean
    silhouette above the threshold means "two".

    Parameters
    ----------
    encoder : Encoder
        Any encoder; each word is a text of its own.
    threshold : float, optional
        Silhouette above which a set is called mixed. None takes the median of the questions that
        are answered together: half of the tasks are mixed by the way they are made, and no
        answer is looked at. Ask for one model or for several at once, but not task by task.
    parts : {"bold", "two-means"}
        The two clusters of a mixing task: the half in bold and the other; or what two-means at its
        best makes of the words (all partitions are tried), which tells next to nothing: see
        `topic-word-mixing` in the ledger.

    Examples
    --------
    >>> from isogloss import load_encoder
    >>> judge = EncoderJudge(load_encoder("lexical"))
    >>> question = Question("a-1", "intrusion", ("goalie", "puck", "orbit", "hockey", "playoff"))
    >>> judge.answer([question])[0].choice
    3
    """

    def __init__(
        self,
        encoder: "Encoder",
        *,
        threshold: float | None = None,
        parts: Literal["bold", "two-means"] = "bold",
    ) -> None:
        if parts not in ("bold", "two-means"):
            raise ParameterError(f"parts={parts!r}: give 'bold' or 'two-means'")
        self.encoder = encoder
        self.threshold = threshold
        self.parts = parts
        self.name = f"encoder {encoder.spec}" + (", two-means" if parts == "two-means" else "")

    def answer(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer all questions; one verdict each."""
        words = list(dict.fromkeys(word for question in questions for word in question.words))
        place = {word: row for row, word in enumerate(words)}
        vectors = self.encoder.encode(words).astype(np.float64)
        found: list[Verdict] = []
        with single_threaded_blas():
            for question in questions:
                rows = vectors[[place[word] for word in question.words]]
                if question.kind == "intrusion":
                    found.append(_odd_one(rows))
                elif self.parts == "bold":
                    if len(question.marked) != len(question.words):
                        raise ParameterError(f"task {question.id} has no half in bold to judge by")
                    found.append(Verdict(None, silhouette(rows, np.array(question.marked))))
                else:
                    found.append(Verdict(None, two_means_silhouette(rows)))
        return self._decided(questions, found)

    def _decided(self, questions: Sequence[Question], found: list[Verdict]) -> list[Verdict]:
        """Add the choices of the mixing tasks."""
        mixing = [row for row, question in enumerate(questions) if question.kind == "mixing"]
        if not mixing:
            return found
        threshold = self.threshold
        if threshold is None:
            threshold = float(np.median([found[row].score for row in mixing]))
        for row in mixing:
            score = found[row].score
            found[row] = Verdict(2 if score > threshold else 1, score)
        return found


def _odd_one(rows: Floats) -> Verdict:
    """Take the row with the lowest mean cosine to the others; the first of equals."""
    cosines = rows @ rows.T
    mean = np.round((cosines.sum(axis=1) - np.diag(cosines)) / (len(rows) - 1), 9)
    lowest = np.sort(mean)
    return Verdict(int(mean.argmin()) + 1, float(lowest[1] - lowest[0]))


def two_means_silhouette(rows: Floats) -> float:
    """Part a few points in two with the least squared error, and give the mean silhouette.

    Parameters
    ----------
    rows : float64 (n, d)
        At most 12 points: all partitions are tried.

    Returns
    -------
    float
        In [-1, 1]; 0 for points that all coincide.

    Examples
    --------
    >>> two_means_silhouette(np.array([[0.0], [0.1], [9.0], [9.1]])) > 0.9
    True
    """
    n = len(rows)
    if not 2 <= n <= 12:
        raise ParameterError(f"{n} words to part: give 2 to 12")
    splits = _splits(n)
    # the squared error of a part follows from its sum: less error is a larger sum of squares
    sums = splits @ rows
    others = rows.sum(axis=0) - sums
    sizes = splits.sum(axis=1)
    tight = (sums**2).sum(axis=1) / sizes + (others**2).sum(axis=1) / (n - sizes)
    return silhouette(rows, splits[int(np.round(tight, 9).argmax())].astype(bool))


def _splits(n: int) -> Floats:
    """Give all ways to part n points in two, each once: the first point is never in the part."""
    found = [list(part) for size in range(1, n) for part in combinations(range(1, n), size)]
    splits = np.zeros((len(found), n))
    for row, part in enumerate(found):
        splits[row, part] = 1.0
    return splits


def silhouette(rows: Floats, part: NDArray[np.bool_]) -> float:
    """Give the mean silhouette of points in two parts, by Euclidean distance.

    Parameters
    ----------
    rows : float64 (n, d)
    part : bool (n,)
        A point alone in its part counts 0 (Rousseeuw 1987).

    Examples
    --------
    >>> silhouette(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([True, True, False, False]))
    1.0
    """
    distances = np.sqrt(((rows[:, None] - rows) ** 2).sum(axis=2))
    same = part[:, None] == part
    own = same.sum(axis=1)
    inside = (distances * same).sum(axis=1) / np.maximum(own - 1, 1)
    outside = (distances * ~same).sum(axis=1) / np.maximum(len(rows) - own, 1)
    larger = np.maximum(inside, outside)
    value = np.where(larger > 0, (outside - inside) / np.where(larger > 0, larger, 1), 0.0)
    value[(own < 2) | (own == len(rows))] = 0.0
    return float(value.mean())


def judge_answers(tasks: Sequence[Task], judge: Judge) -> tuple[list[Answer], list[Verdict]]:
    """Let a judge answer tasks, which it sees without model and answer.

    Returns
    -------
    answers : list of Answer
        Of the tasks that got one.
    verdicts : list of Verdict
        One a task.
    """
    verdicts = judge.answer([task.question for task in tasks])
    if len(verdicts) != len(tasks):
        raise ParameterError(f"{judge.name} gave {len(verdicts)} answers to {len(tasks)} tasks")
    answers = [
        Answer(f"stand-in: {judge.name}", task.id, verdict.choice)
        for task, verdict in zip(tasks, verdicts, strict=True)
        if verdict.choice is not None
    ]
    return answers, verdicts


def judge_scores(
    tasks: Sequence[Task], judge: Judge, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Score]:
    """Score a judge's answers, each score marked as a stand-in's.

    Returns
    -------
    dict of str to Score
        Names of `score_answers` with the ending ``_stand_in``, and ``mixing_auc_stand_in`` where
        the judge weighs: how often a mixed task has a larger score than a single one.
    """
    answers, verdicts = judge_answers(tasks, judge)
    note = f"stand-in, no person answered: {judge.name}"
    silent = len(tasks) - len(answers)
    if silent:
        note += f"; no answer to {of_all(silent, len(tasks), 'task')}"
    how = {"resamples": resamples, "seed": seed}
    found = score_answers(tasks, answers, note=note, **how)
    mixing = [row for row, task in enumerate(tasks) if task.kind == "mixing"]
    mixing = [row for row in mixing if tasks[row].model != CONTROL]
    scores = np.array([verdicts[row].score for row in mixing])
    if len(scores) and not np.isnan(scores).any():
        truth = np.array([tasks[row].answer == 2 for row in mixing])
        found["mixing_auc"] = auc_score("mixing_auc", scores, truth, note=note, **how)
    return {f"{name}_stand_in": score for name, score in found.items()}


def judge_agreement(
    tasks: Sequence[Task],
    answers: Sequence[Answer],
    judge: Judge,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """Compare a judge with the people who answered the same tasks.

    Parameters
    ----------
    tasks : sequence of Task
    answers : sequence of Answer
        Of people.
    judge : Judge

    Returns
    -------
    dict of str to Score
        ``intrusion_same_word``: share of the tasks in which the judge takes the word that most
        people took (of equally many the first). ``mixing_auc_people``: how often a task that most
        people called two has a larger score than one that they did not; only from a judge that
        weighs. Controls are left out.
    """
    verdicts = judge_answers(tasks, judge)[1]
    given: dict[str, list[int]] = {}
    for answer in answers:
        given.setdefault(answer.task, []).append(answer.choice)
    same, scores, twos = [], [], []
    for task, verdict in zip(tasks, verdicts, strict=True):
        said = given.get(task.id)
        if not said or task.model == CONTROL:
            continue
        if task.kind == "intrusion":
            most = max(range(1, task.choices + 1), key=lambda choice: (said.count(choice), -choice))
            same.append(float(verdict.choice == most))
        elif np.isfinite(verdict.score):
            scores.append(verdict.score)
            twos.append(2 * said.count(2) > len(said))
    found: dict[str, Score] = {}
    note = f"stand-in {judge.name} against people"
    if same:
        from isogloss._math.bootstrap import mean_interval

        low, high = mean_interval(np.array(same), resamples=resamples, seed=seed)
        found["intrusion_same_word"] = Score(
            "intrusion_same_word", float(np.mean(same)), low, high, len(same), "tasks", True, note
        )
    if scores:
        found["mixing_auc_people"] = auc_score(
            "mixing_auc_people", np.array(scores), np.array(twos),
            note=note, resamples=resamples, seed=seed,
        )  # fmt: skip
    return found
