"""Words: tokens, stop words, vocabularies and counts."""

from isogloss.text.tokens import text_buffers, tokenize, tokens_of
from isogloss.text.vocabulary import Vocabulary, tfidf

__all__ = ["Vocabulary", "text_buffers", "tfidf", "tokenize", "tokens_of"]
