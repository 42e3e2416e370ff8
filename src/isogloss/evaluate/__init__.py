"""Scores with intervals: how good topics are, by their words and against labels."""

from isogloss.evaluate.score import Score
from isogloss.evaluate.topics import TopicEvaluation, evaluate_topics

__all__ = ["Score", "TopicEvaluation", "evaluate_topics"]
