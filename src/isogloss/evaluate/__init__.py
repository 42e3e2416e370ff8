"""Scores with intervals: how good topics, rankings and labels are."""

from isogloss.evaluate.retrieval import mrr, ndcg_at_k, recall_at_k
from isogloss.evaluate.score import Score
from isogloss.evaluate.topics import TopicEvaluation, evaluate_topics

__all__ = ["Score", "TopicEvaluation", "evaluate_topics", "mrr", "ndcg_at_k", "recall_at_k"]
