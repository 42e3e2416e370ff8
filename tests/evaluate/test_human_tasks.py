"""Tasks for people: how they are drawn, what the files hold and hide, and what answers come to."""

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from isogloss._core.errors import ParameterError, SourceError
from isogloss.encoders.spec import load_encoder
from isogloss.evaluate.human_tasks import CONTROL, Task, TaskSet, closest_topics, make_tasks
from isogloss.evaluate.task_files import read_answers, read_key, write_tasks
from isogloss.evaluate.task_page import task_page
from isogloss.evaluate.task_scores import Answer, auc_score, score_answers, score_by_model
from isogloss.evaluate.topic_words import TopicWords
from isogloss.topics.result import TopicResult

FARM = "cat dog horse cow pig hen duck goat sheep donkey goose mule".split()
SKY = "moon orbit rocket star comet planet sun sky probe nasa crater shuttle".split()
SPORT = "goalie puck hockey team playoff coach season league score player ice rink".split()


class Letters:
    """An encoder that needs no weights: the share of each letter."""

    spec = "letters"

    def encode(self, texts, *, batch_size=None):
        rows = np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], float)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


def three(**how):
    return make_tasks({"lda": TopicWords.of_lists([FARM, SKY, SPORT])}, Letters(), **how)


def test_an_intrusion_is_four_top_words_and_one_from_another_topic():
    lists = [FARM, SKY, SPORT]
    for task in three(controls=0).of("intrusion"):
        own = lists[task.topics[0]]
        intruder = task.words[task.answer - 1]
        assert sorted(set(task.words) - {intruder}) == sorted(own[:4])
        others = [words[:10] for i, words in enumerate(lists) if i != task.topics[0]]
        assert intruder not in own
        assert any(intruder in words for words in others)


def test_an_intruder_may_stand_in_the_bottom_half_of_the_list_and_not_above():
    # every first word of the second topic stands in the first one's list, two of them low
    shared = ["north", "south", "east", "west"]
    first = ["cat", "dog", "cow", "pig", *shared[:2], *FARM[6:], *shared[2:]]
    words = TopicWords.of_lists([first, [*shared, "cat", "dog"]])
    found = {
        task.words[task.answer - 1]
        for seed in range(20)
        for task in make_tasks({"m": words}, Letters(), seed=seed, controls=0).of("intrusion")
        if task.topics == (0,)
    }
    assert found == {"east", "west"}


def test_the_intruder_is_of_similar_frequency():
    rng = np.random.default_rng(0)
    rare = ["".join(chr(97 + letter) for letter in rng.integers(26, size=6)) for _ in range(300)]
    near = [word[::-1] + "q" for word in rare[:10]]
    frequency = dict.fromkeys(FARM, 100) | dict.fromkeys(rare, 3) | dict.fromkeys(near, 95)
    other = [*rare[:15], *near, *rare[15:]]  # 10% of 310 words are in front
    words = TopicWords.of_lists([FARM, other], frequency=frequency)
    for seed in range(10):
        made = make_tasks({"m": words}, Letters(), seed=seed, controls=0)
        task = next(task for task in made.of("intrusion") if task.topics == (0,))
        assert task.words[task.answer - 1] in near


def test_tokens_that_are_no_words_are_no_intruders():
    words = TopicWords.of_lists([FARM, ["x1", "42", "a", "moon", "n4sa", "b2b", "c3po", "7up"]])
    made = make_tasks({"m": words}, Letters(), controls=0)
    task = next(task for task in made.of("intrusion") if task.topics == (0,))
    assert task.words[task.answer - 1] == "moon"


def test_half_of_the_mixing_tasks_are_mixed_with_the_closest_topic():
    topics = TopicWords.of_lists([FARM, SKY, SPORT, [*SKY[4:], *SKY[:4]]])
    made = make_tasks({"m": topics}, Letters(), controls=0).of("mixing")
    answers = [task.answer for task in made]
    assert answers.count(1) == answers.count(2) > 0
    pairs = [tuple(sorted(task.topics)) for task in made if task.answer == 2]
    assert len(set(pairs)) == len(pairs)  # 1 with 3 and 3 with 1 are one pair
    nearest = closest_topics(topics, Letters())
    assert (nearest[1][0], nearest[3][0]) == (3, 1)
    for task in made:
        assert len(set(task.words)) == 8
        assert sum(task.marked) == 4
        marked = {word for word, mark in zip(task.words, task.marked, strict=True) if mark}
        if task.answer == 2:
            one, two = task.topics
            assert nearest[one] == (two, task.similarity)
            assert marked in (set(topics.top(one, 4)), set(task.words) - set(topics.top(one, 4)))
        else:
            best = topics.top(task.topics[0], 8)
            assert marked in (set(best[:4]), set(best[4:]))


def test_a_word_that_two_topics_share_is_shown_once():
    topics = TopicWords.of_lists([FARM, [*FARM[:2], *SKY]])
    mixed = [t for t in make_tasks({"m": topics}, Letters()).of("mixing") if t.topics == (0, 1)]
    assert sorted(mixed[0].words) == sorted([*FARM[:4], *SKY[:4]])


def test_the_same_seed_gives_the_same_tasks_and_other_models_change_nothing():
    assert three(seed=3) == three(seed=3)
    assert three(seed=3) != three(seed=4)
    alone = {(t.words, t.answer) for t in three(controls=0).tasks}
    both = make_tasks(
        {"other": TopicWords.of_lists([SKY, FARM]), "lda": TopicWords.of_lists([FARM, SKY, SPORT])},
        Letters(),
        controls=0,
    )
    assert alone == {(t.words, t.answer) for t in both.tasks if t.model == "lda"}
    assert len({task.id for task in both.tasks}) == len(both)


def test_what_cannot_be_asked_is_counted():
    made = make_tasks({"m": TopicWords.of_lists([FARM, SKY, ["lone"]])}, Letters(), controls=0)
    assert made.left_out == {
        "intrusion: a topic of fewer than 4 words": 1,
        "mixing: a topic of fewer than 8 words": 1,
    } | {k: v for k, v in made.left_out.items() if k.startswith("mixing: two closest")}
    with pytest.raises(ParameterError, match="no task"):
        make_tasks({"m": TopicWords.of_lists([["lone"]])}, Letters())
    with pytest.raises(ParameterError, match="share=0"):
        three(share=0)


def test_a_share_keeps_single_and_mixed_alike():
    lists = [rng_words(seed) for seed in range(12)]
    made = make_tasks({"m": TopicWords.of_lists(lists)}, Letters(), controls=0, share=0.5)
    assert len(made.of("intrusion")) == 6
    answers = [task.answer for task in made.of("mixing")]
    assert answers.count(1) == answers.count(2)


def rng_words(seed):
    rng = np.random.default_rng(seed)
    return ["".join(chr(97 + x) for x in rng.integers(26, size=7)) for _ in range(12)]


def test_controls_have_clear_answers():
    controls = [task for task in three(controls=4).tasks if task.model == CONTROL]
    assert len(controls) == 8
    clear = {"cabbage", "bicycle", "whale", "satellite"}
    for task in controls:
        if task.kind == "intrusion":
            assert task.words[task.answer - 1] in clear
    assert sorted(t.answer for t in controls if t.kind == "mixing") == [1, 1, 2, 2]
    assert not [task for task in three(controls=0).tasks if task.model == CONTROL]


def test_words_of_a_result_are_keywords_and_then_weights():
    result = TopicResult.hard(
        np.array([0, 1]),
        keywords=[["c", "a"], ["d"]],
        topic_word=csr_matrix([[0.5, 0.9, 0.1, 0.0], [0, 0.2, 0.2, 0.3]], dtype=np.float32),
        vocabulary=["a", "b", "c", "d"],
    )
    words = TopicWords.of_result(result, frequency=np.array([4, 3, 2, 1]))
    assert [words.top(topic, 9) for topic in (0, 1)] == [["c", "a", "b"], ["d", "b", "c"]]
    with pytest.raises(ParameterError, match="'zebra' of topic 0"):
        TopicWords.of_weights(csr_matrix([[1.0]]), ["a"], keywords=[["zebra"]])


# --- files ------------------------------------------------------------------------------------


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


NASTY = ("<script>alert(1)</script>", "<img src=x>", "</fieldset>", "=SUM(A1)", "ok", "é", "x", "y")


def nasty_set():
    tasks = (
        Task("s-1", "mixing", "model & co", (0, 1), NASTY, 2, (True, False) * 4, 0.7),
        Task("s-2", "intrusion", "model & co", (0,), NASTY[:5], 5),
    )
    return TaskSet(tasks, {})


def test_the_page_escapes_words_and_asks_nobody():
    page = task_page(nasty_set(), title="<Words>")
    outline = Outline()
    outline.feed(page)
    assert outline.tags.count("script") == 1
    assert outline.tags.count("fieldset") == 2
    assert "<script>alert(1)</script>" in [text.strip() for text in outline.text]
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp", page)
    assert not {"src", "href", "action"} & {name for name, _ in outline.attributes}
    policy = next(
        value for name, value in outline.attributes if value and "default-src" in value
    )  # fmt: skip
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_policy_names_script_and_style():
    import base64
    import hashlib

    page = task_page(nasty_set())
    for tag in ("script", "style"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src &#x27;sha256-{digest}&#x27;" in page


def test_keys_reach_every_answer_and_each_has_a_label():
    outline = Outline()
    outline.feed(task_page(nasty_set()))
    radios = [value for name, value in outline.attributes if (name, value) == ("type", "radio")]
    assert len(radios) == 2 + 5
    assert outline.tags.count("label") == 2 + 5 + 1
    assert outline.tags.count("legend") == 2


def test_neither_page_nor_table_tells_models_or_answers(tmp_path):
    write_tasks(nasty_set(), tmp_path)
    shown = (tmp_path / "tasks.csv").read_text() + (tmp_path / "tasks.html").read_text()
    assert "model & co" not in shown
    assert "model &amp; co" not in shown
    with (tmp_path / "tasks.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["answer"] for row in rows] == ["", ""]
    assert rows[0]["bold"] == "1 3 5 7"
    assert rows[0]["word4"] == "'=SUM(A1)"  # no formula for a spreadsheet
    assert json.loads((tmp_path / "key.json").read_text())["tasks"][0]["answer"] == 2


@pytest.mark.parametrize("name", ["tasks.csv", "tasks.html"])
def test_tasks_do_not_replace_files_of_others(tmp_path, name):
    mine = tmp_path / name
    mine.write_text("my own list of tasks\n")
    with pytest.raises(ParameterError, match=rf"{name} is there, and without key\.json"):
        write_tasks(three(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert mine.read_text() == "my own list of tasks\n"


def test_a_table_that_is_filled_in_stays(tmp_path):
    made = three()
    write_tasks(made, tmp_path)
    (tmp_path / "key.json").rename(tmp_path / "kept")  # killed before the key was written
    write_tasks(made, tmp_path)
    assert (tmp_path / "key.json").read_bytes() == (tmp_path / "kept").read_bytes()
    table = tmp_path / "tasks.csv"
    table.write_text(table.read_text().replace(",,", ",,ada,1"))
    filled = table.read_bytes()
    write_tasks(made, tmp_path)
    assert table.read_bytes() == filled
    table.unlink()
    write_tasks(made, tmp_path)
    assert table.is_file()


def test_tasks_come_back_from_their_key(tmp_path):
    made = three()
    write_tasks(made, tmp_path)
    assert read_key(tmp_path).tasks == made.tasks
    write_tasks(made, tmp_path)
    with pytest.raises(ParameterError, match="holds other tasks"):
        write_tasks(three(seed=9), tmp_path)
    with pytest.raises(ParameterError, match="is a file"):
        write_tasks(made, tmp_path / "key.json")
    (tmp_path / "key.json").write_text('{"format": 1}')
    with pytest.raises(SourceError, match="damaged"):
        read_key(tmp_path)


def test_answers_from_page_table_and_spreadsheet(tmp_path):
    (tmp_path / "page.csv").write_bytes(
        b"\xef\xbb\xbfannotator,id,answer\r\nAda,s-1,2\r\nAda,s-2,\r\n"
    )
    (tmp_path / "bea.csv").write_text("id;word1;answer\ns-1;x;1\ns-2;y; 5 \n")
    found = read_answers([tmp_path / "page.csv", tmp_path / "bea.csv"])
    assert found == [Answer("Ada", "s-1", 2), Answer("bea", "s-1", 1), Answer("bea", "s-2", 5)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,said\ns-1,2\n", "no column 'answer'"),
        ("id,answer\ns-1,two\n", "line 2: the answer 'two' is no number"),
        ("id,answer\ns-1,-1\n", "no number"),
    ],
)
def test_mistakes_in_answer_files_are_named(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(SourceError, match=words):
        read_answers([tmp_path / "a.csv"])
    with pytest.raises(SourceError, match="cannot read"):
        read_answers([tmp_path / "none.csv"])


# --- scores -----------------------------------------------------------------------------------


def mixing(number, answer, model="m"):
    return Task(f"s-{number}", "mixing", model, (0,), tuple("abcdefgh"), answer)


def test_scores_by_hand():
    # two: said two, two, one; one: said one, one, one, two
    tasks = [mixing(i, 2 if i < 3 else 1) for i in range(7)]
    said = [2, 2, 1, 1, 1, 1, 2]
    found = score_answers(tasks, [Answer("p", t.id, s) for t, s in zip(tasks, said, strict=True)])
    assert found["mixing_accuracy"].value == pytest.approx(5 / 7)
    two, one = 4 / 6, 6 / 8
    assert found["mixing_f1_two"].value == pytest.approx(two)
    assert found["mixing_macro_f1"].value == pytest.approx((two + one) / 2)
    # log-linear: z(2.5/4) - z(1.5/5)
    assert found["mixing_d_prime"].value == pytest.approx(0.3186394 + 0.5244005, abs=1e-6)
    assert found["mixing_accuracy"].low < 5 / 7 < found["mixing_accuracy"].high
    assert "mixing_alpha" not in found  # one annotator agrees with nobody


def test_hits_controls_and_models_are_apart():
    words = tuple("abcde")
    tasks = [
        Task("s-1", "intrusion", "lda", (0,), words, 1),
        Task("s-2", "intrusion", "nmf", (0,), words, 2),
        Task("s-3", "intrusion", CONTROL, (), words, 3),
    ]
    answers = [Answer(who, t.id, c) for who, cs in (("p", (1, 1, 3)), ("q", (1, 2, 1)))
               for t, c in zip(tasks, cs, strict=True)]  # fmt: skip
    found = score_answers(tasks, answers)
    assert found["intrusion"].value == 0.75
    assert (found["intrusion"].n, found["control_intrusion"].value) == (4, 0.5)
    assert {"intrusion_alpha", "intrusion_kappa"} <= set(found)
    by_model = score_by_model(tasks, answers)
    assert {m: s["intrusion"].value for m, s in by_model.items()} == {"lda": 1.0, "nmf": 0.5}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([Answer("p", "t-1", 1)], "not in this set"),
        ([Answer("p", "s-1", 3)], "give 1 to 2"),
        ([Answer("p", "s-1", 1), Answer("p", "s-1", 1)], "twice"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answers, words):
    with pytest.raises(ParameterError, match=words):
        score_answers([mixing(1, 1)], answers)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_is_that_of_all_pairs(items):
    scores = np.array([score for score, _ in items], dtype=float)
    truth = np.array([mark for _, mark in items])
    found = auc_score("auc", scores, truth, resamples=20)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    if pairs:
        assert found.value == pytest.approx(np.mean(pairs))
        assert found.low <= found.high
    else:
        assert np.isnan(found.value)


def test_lexical_encoder_makes_tasks():
    made = make_tasks(
        {"m": TopicWords.of_lists([FARM, SKY, SPORT])}, load_encoder("lexical"), seed=1
    )
    assert len(made.of("intrusion")) == 3 + 4
