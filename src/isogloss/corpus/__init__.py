"""Text comes in: readers turn a source into a stream of documents and a list of rejects."""

from isogloss.corpus.source import Reject, Source, open_source

__all__ = ["Reject", "Source", "open_source"]
