"""The reader of the released judgements, on rows made up in their format."""

import csv

import numpy as np
import pytest

from isogloss._core.errors import SourceError
from isogloss.evaluate.agreement import answer_counts, fleiss_kappa
from isogloss.evaluate.human_tasks import CONTROL
from isogloss.evaluate.released_judgements import read_judgements
from isogloss.evaluate.task_scores import score_answers, score_by_model

INTRUSION = ["annotation_id", "annotator", "id", "intruder", "is_control_task", "model",
             "sentiment", "text", "word1", "word2", "word3", "word4", "word5"]  # fmt: skip
MIXING = ["annotation_id", "annotator", "is_control_task", "mixed_set", "mixed_topics",
          "mixed_words", "quartile", "sentiment", "similarity", "topic1_words", "topic2_words",
          "task_id", "task_type", "model"]  # fmt: skip
TRACK = ["id", "is_control_task", "mixed_set", "mixed_topics", "model"]
ONE = "<b>ape</b><br>bee<br><b>cow</b><br><b>doe</b><br><b>elk</b><br>fox<br>gnu<br>hen"
TWO = "red<br><b>ant</b><br><b>bat</b><br>blue<br><b>cat</b><br>pink<br>grey<br><b>dog</b>"
BOTH = "x<br>y<br>z<br>w<br><b>k</b><br><b>l</b><br><b>m</b><br><b>n</b>"
CLEAR = "a<br>b<br>c<br>d<br><b>e</b><br><b>f</b><br><b>g</b><br><b>h</b>"


def intrusion(number, annotator, said, model="LDA_54", control=""):
    return [1, annotator, number, "dart", control, model, said, "uuid", "map", "dart", "key", "box",
            "pen"]  # fmt: skip


def mixing(annotator, shown, said, kind="single", task="task_1", similarity="1.0"):
    topics = "[-10]" if kind == "control" else "[3]" if kind == "single" else "[0, 9]"
    return [1, annotator, kind == "control", shown, topics, "", 0, said, similarity, "", "", task,
            kind, ""]  # fmt: skip


def write(folder, name, header, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])


@pytest.fixture
def released(tmp_path):
    write(tmp_path / "annotations", "word_intrusion_annotations.csv", INTRUSION, [
        intrusion(10, "p", "dart"), intrusion(10, "q", "map"),
        intrusion(11, "p", "dart", "NMF_10"), intrusion(11, "q", "dart", "NMF_10"),
        intrusion(12, "p", "dart", "CONTROL", "True"),
    ])  # fmt: skip
    two = {"kind": "mix_0_9_closest", "task": "task_2", "similarity": "0.75"}
    write(tmp_path / "annotations", "word_mixing_annotations.csv", MIXING, [
        mixing("p", ONE, 1), mixing("q", ONE, 2),
        mixing("p", TWO, 2, **two), mixing("q", TWO, 2, **two),
        # an item of two models stands in two tracks, so everyone answers it twice
        mixing("p", BOTH, 1, task="task_3"), mixing("p", BOTH, 2, task="task_3"),
        mixing("p", CLEAR, 2, "control", "task_4", "0.0"),
        mixing("p", CLEAR, 2, "control", "task_4", "0.0"),
    ])  # fmt: skip
    write(tmp_path / "tasks" / "word_mixing", "track_1.csv", TRACK, [
        [1, "", ONE, "[3]", "LDA_54"], [2, "", BOTH, "[3]", "LDA_54"], [4, "", CLEAR, "", "CONTROL"]
    ])  # fmt: skip
    write(tmp_path / "tasks" / "word_mixing", "track_2.csv", TRACK, [
        [3, "", TWO, "[0, 9]", "CFMF-emb_51"], [5, "", BOTH, "[3]", "NMF_10"]
    ])  # fmt: skip
    write(tmp_path / "tasks" / "word_intrusion", "track_1.csv", ["id", "intruder"], [[1, "dart"]])
    return tmp_path


def test_models_come_from_the_tracks_and_shared_items_count_in_both(released):
    found = read_judgements(released)
    scores = score_by_model(found.tasks, found.answers)
    assert {model: scores[model]["intrusion"].value for model in ("LDA_54", "NMF_10")} == {
        "LDA_54": 0.5, "NMF_10": 1.0
    }  # fmt: skip
    counted = {m: s["mixing_accuracy"].n for m, s in scores.items() if "mixing_accuracy" in s}
    assert counted == {"LDA_54": 4, "NMF_10": 2, "CFMF-emb_51": 2}
    assert scores["LDA_54"]["mixing_accuracy"].value == 0.5
    assert scores["CFMF-emb_51"]["mixing_f1_two"].value == 1.0


def test_distinct_items_count_once(released):
    tasks, answers = read_judgements(released).distinct()
    mixings = [task for task in tasks if task.kind == "mixing" and task.model != CONTROL]
    assert len(mixings) == 4  # one of them shown twice
    known = {task.id for task in mixings}
    assert sum(answer.task in known for answer in answers) == 6
    given = {task.id: [] for task in mixings}
    for answer in answers:
        if answer.task in given:
            given[answer.task].append(answer.choice)
    assert fleiss_kappa(answer_counts(list(given.values()))).n == 2  # of two answers


def test_controls_know_their_answer_by_the_similarity(released):
    found = read_judgements(released)
    scores = score_answers(found.tasks, found.answers)
    assert scores["control_mixing_accuracy"].value == 1.0
    assert (scores["control_mixing_accuracy"].n, scores["control_intrusion"].n) == (2, 1)


def test_words_marks_and_topics_are_read(released):
    two = next(task for task in read_judgements(released).tasks if task.similarity)
    assert (two.words[:2], two.marked[:2], two.topics) == (("red", "ant"), (False, True), (0, 9))
    assert two.similarity == 0.75


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (mixing("p", "no<br>track", 1), "in no track"),
        (mixing("p", ONE, 3), "answer is '3'"),
        (mixing("p", ONE, 1, similarity="near"), "no number"),
        (mixing("p", ONE, 1, kind="odd"), "task_type is 'odd'"),
    ],
)
def test_rows_that_cannot_be_read_are_named(released, row, words):
    write(released / "annotations", "word_mixing_annotations.csv", MIXING, [row])
    with pytest.raises(SourceError, match=words) as raised:
        read_judgements(released)
    assert "line 2" in str(raised.value)


def test_missing_files_are_named(released):
    (released / "annotations" / "word_mixing_annotations.csv").unlink()
    with pytest.raises(SourceError, match="has 0 files word_mixing"):
        read_judgements(released)


class Lengths:
    """An encoder that needs no weights: a word's letters."""

    spec = "lengths"

    def encode(self, texts, *, batch_size=None):
        rows = np.array([[1.0 + text.count(c) for c in "abcdeklmnwxyz"] for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_ledger_scores_people_and_judges_on_them(released):
    from isogloss.evaluate.judges import EncoderJudge
    from isogloss.ledger.word_tasks import against_people, table, table_agrees

    found = read_judgements(released)
    scored = table(found)
    assert scored["table.intrusion.LDA"].value == 0.5
    assert scored["table.mixing_accuracy.CFMF-emb"].value == 1.0  # the number of topics is off
    assert scored["table.mixing_accuracy.controls"].n == 2
    assert {"table.intrusion_kappa", "table.mixing_alpha"} <= set(scored)
    assert not table_agrees(scored)
    beside = against_people(found, EncoderJudge(Lengths(), parts="two-means"), "lengths")
    names = {name.removeprefix("people.lengths.") for name in beside}
    assert {"intrusion", "intrusion_same_word", "intrusion.rank"} <= names
    assert {"mixing_auc_people", "mixing_auc_people_by_halves"} <= names
