"""Scores with intervals: how good topics, rankings and labels are."""

from typing import TYPE_CHECKING

from isogloss._core.lazy import lazy
from isogloss.evaluate.retrieval import mrr, ndcg_at_k, recall_at_k
from isogloss.evaluate.score import Score
from isogloss.evaluate.topics import TopicEvaluation, evaluate_topics

if TYPE_CHECKING:
    from isogloss.evaluate.encoder import ProbeSettings, evaluate_encoder
    from isogloss.evaluate.human_tasks import Task, TaskSet, make_tasks
    from isogloss.evaluate.judges import EncoderJudge, Judge, judge_agreement, judge_scores
    from isogloss.evaluate.language_model import LanguageModelJudge
    from isogloss.evaluate.paired import Paired, holm, paired_ndcg, paired_test
    from isogloss.evaluate.stability import (
        Stability,
        compare_runs,
        resample_stability,
        seed_stability,
    )
    from isogloss.evaluate.task_files import read_answers, read_key, write_tasks
    from isogloss.evaluate.task_scores import Answer, score_answers, score_by_model
    from isogloss.evaluate.topic_words import TopicWords

__all__ = [
    "Answer",
    "EncoderJudge",
    "Judge",
    "LanguageModelJudge",
    "Paired",
    "ProbeSettings",
    "Score",
    "Stability",
    "Task",
    "TaskSet",
    "TopicEvaluation",
    "TopicWords",
    "compare_runs",
    "evaluate_encoder",
    "evaluate_topics",
    "holm",
    "judge_agreement",
    "judge_scores",
    "make_tasks",
    "mrr",
    "ndcg_at_k",
    "paired_ndcg",
    "paired_test",
    "read_answers",
    "read_key",
    "recall_at_k",
    "resample_stability",
    "score_answers",
    "score_by_model",
    "seed_stability",
    "write_tasks",
]

_HOMES = {
    "Answer": "task_scores",
    "EncoderJudge": "judges",
    "Judge": "judges",
    "LanguageModelJudge": "language_model",
    "Paired": "paired",
    "ProbeSettings": "encoder",
    "Stability": "stability",
    "Task": "human_tasks",
    "TaskSet": "human_tasks",
    "TopicWords": "topic_words",
    "compare_runs": "stability",
    "holm": "paired",
    "evaluate_encoder": "encoder",
    "judge_agreement": "judges",
    "judge_scores": "judges",
    "make_tasks": "human_tasks",
    "paired_ndcg": "paired",
    "paired_test": "paired",
    "read_answers": "task_files",
    "read_key": "task_files",
    "resample_stability": "stability",
    "score_answers": "task_scores",
    "score_by_model": "task_scores",
    "seed_stability": "stability",
    "write_tasks": "task_files",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
