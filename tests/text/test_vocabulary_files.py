"""Vocabularies on disk: the same again, and damaged files."""

import json

import numpy as np
import pytest
from vocabulary_cases import same

from isogloss._core.errors import AtlasError
from isogloss.text import Vocabulary


def test_save_and_load(tmp_path):
    fitted = Vocabulary.fit([["été 東京", "don't हिन्दी", "été"]])
    fitted.save(tmp_path / "one")
    loaded = Vocabulary.load(tmp_path / "one")
    same(fitted, loaded)
    assert loaded.document_frequency.dtype == np.int64
    loaded.save(tmp_path / "two")
    path = "vocabulary.json"
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    assert (loaded.counts(["été été"]) != fitted.counts(["été été"])).nnz == 0


def test_save_and_load_of_nothing(tmp_path):
    fitted = Vocabulary.fit([])
    fitted.save(tmp_path)
    same(fitted, Vocabulary.load(tmp_path))


GOOD = {"format": 1, "documents": 3, "words": ["aa", "bb"], "document_frequency": [1, 2]}
DAMAGED = {
    "cut short": json.dumps(GOOD)[:-9],
    "empty": "",
    "no object": "[1]",
    "null": "null",
    "no words": json.dumps({k: v for k, v in GOOD.items() if k != "words"}),
    "no format": json.dumps({k: v for k, v in GOOD.items() if k != "format"}),
    "format of text": json.dumps({**GOOD, "format": "one"}),
    "fewer words": json.dumps({**GOOD, "words": ["aa"]}),
    "words as one string": json.dumps({**GOOD, "words": "ab"}),
    "numbers as words": json.dumps({**GOOD, "words": [1, 2]}),
    "a word twice": json.dumps({**GOOD, "words": ["aa", "aa"]}),
    "frequency of text": json.dumps({**GOOD, "document_frequency": ["x", 1]}),
    "frequency too large": json.dumps({**GOOD, "document_frequency": [2**70, 1]}),
    "half a document": json.dumps({**GOOD, "document_frequency": [1.5, 1]}),
    "frequency below one": json.dumps({**GOOD, "document_frequency": [-1, 1]}),
    "more than all documents": json.dumps({**GOOD, "document_frequency": [1, 4]}),
    "nested frequency": json.dumps({**GOOD, "document_frequency": [[1], [2]]}),
    "frequency as a number": json.dumps({**GOOD, "document_frequency": 2}),
    "documents of text": json.dumps({**GOOD, "documents": "many"}),
    "documents without end": json.dumps({**GOOD, "documents": float("inf")}),
    "documents null": json.dumps({**GOOD, "documents": None}),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files(tmp_path, kind):
    (tmp_path / "vocabulary.json").write_text(DAMAGED[kind], encoding="utf-8")
    with pytest.raises(AtlasError, match=r"vocabulary\.json is damaged"):
        Vocabulary.load(tmp_path)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "vocabulary.json"
    with pytest.raises(AtlasError, match="missing"):
        Vocabulary.load(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AtlasError, match="damaged"):
        Vocabulary.load(tmp_path)
    path.write_text(json.dumps({**GOOD, "format": 2}))
    with pytest.raises(AtlasError, match="upgrade"):
        Vocabulary.load(tmp_path)
    path.write_text(json.dumps(GOOD))
    assert Vocabulary.load(tmp_path).words == ["aa", "bb"]
