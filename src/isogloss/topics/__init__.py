"""Topics: a graph of passages, its communities, a tree over them, and who belongs where."""

from typing import TYPE_CHECKING

from isogloss._core.lazy import lazy

if TYPE_CHECKING:
    from isogloss.topics.estimator import TopicEstimator
    from isogloss.topics.model import TopicModel
    from isogloss.topics.models.bat import BATTopics, GaussianBATTopics
    from isogloss.topics.models.bertopic import BERTopicTopics
    from isogloss.topics.models.cfmf import CFMF, CFMFEmb
    from isogloss.topics.models.docnade import DocNADETopics
    from isogloss.topics.models.lda import LDATopics
    from isogloss.topics.models.min_hashing import MinHashingTopics
    from isogloss.topics.models.nmf import NMFTopics
    from isogloss.topics.models.top2vec import Top2VecTopics
    from isogloss.topics.result import TopicResult
    from isogloss.topics.tree import Topic, TopicTree
    from isogloss.topics.trends import TopicSpread, topics_by, topics_over

__all__ = [
    "CFMF",
    "BATTopics",
    "BERTopicTopics",
    "CFMFEmb",
    "DocNADETopics",
    "GaussianBATTopics",
    "LDATopics",
    "MinHashingTopics",
    "NMFTopics",
    "Top2VecTopics",
    "Topic",
    "TopicEstimator",
    "TopicModel",
    "TopicResult",
    "TopicSpread",
    "TopicTree",
    "topics_by",
    "topics_over",
]

_HOMES = {
    "BATTopics": "models.bat",
    "MinHashingTopics": "models.min_hashing",
    "BERTopicTopics": "models.bertopic",
    "CFMF": "models.cfmf",
    "CFMFEmb": "models.cfmf",
    "DocNADETopics": "models.docnade",
    "GaussianBATTopics": "models.bat",
    "LDATopics": "models.lda",
    "NMFTopics": "models.nmf",
    "Top2VecTopics": "models.top2vec",
    "Topic": "tree",
    "TopicEstimator": "estimator",
    "TopicModel": "model",
    "TopicResult": "result",
    "TopicSpread": "trends",
    "TopicTree": "tree",
    "topics_by": "trends",
    "topics_over": "trends",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
