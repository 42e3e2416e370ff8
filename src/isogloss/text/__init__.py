"""Words: tokens, stop words, vocabularies and counts."""

from isogloss.text.tokens import tokenize
from isogloss.text.vocabulary import Vocabulary, tfidf

__all__ = ["Vocabulary", "tfidf", "tokenize"]
