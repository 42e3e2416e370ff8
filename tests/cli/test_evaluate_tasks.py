"""`isogloss evaluate topics` with tasks for people, their answers, stand-ins and stability."""

import csv
import json
import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main
from isogloss.evaluate.task_files import read_key

SUBJECTS = {
    "space": "rocket orbit launch satellite moon shuttle nasa probe comet planet crater".split(),
    "hockey": "goalie puck team game overtime playoff coach season rink skate league".split(),
    "cars": "engine brake wheel dealer mileage clutch tyre gearbox motor sedan fuel".split(),
}


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    rng = np.random.default_rng(3)
    labels = [sorted(SUBJECTS)[number % 3] for number in range(300)]
    texts = [" ".join(rng.choice(SUBJECTS[label], 6)) for label in labels]
    pq.write_table(pa.table({"text": texts, "label": labels}), folder / "docs.parquet")
    built = folder / "docs.atlas"
    assert main(["build", str(folder / "docs.parquet"), "-o", str(built), "-q"]) == 0
    return built


def run(capfd, *argv):
    code = main(["evaluate", "topics", *map(str, argv)])
    out, err = capfd.readouterr()
    return code, out, err


def answers(path, tasks, wrong=()):
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["annotator", "id", "answer"])
        for task in tasks.tasks:
            said = task.answer % task.choices + 1 if task.id in wrong else task.answer
            writer.writerow([path.stem, task.id, said])
    return path


def test_stand_ins_are_marked_and_old_fields_stay(atlas, capfd):
    code, out, err = run(capfd, atlas, "--labels", "label", "--json")
    scores = json.loads(out)
    assert (code, err) == (0, "")
    assert {"topics", "npmi", "diversity", "nmi", "ari", "unassigned"} <= set(scores)
    assert "inverted_rbo" in scores
    machine = [name for name in scores if "intrusion" in name or "mixing" in name]
    assert "intrusion_stand_in" in machine
    for name in machine:
        assert name.endswith("_stand_in")
        assert set(scores[name]) == {"value", "low", "high"}
        assert scores["notes"][name].startswith("stand-in, no person answered: encoder lexical")
    assert "--stability 5" in scores["skipped"]["stability"]
    assert "--tasks FOLDER" in scores["skipped"]["intrusion and mixing by people"]
    assert scores["control_intrusion_stand_in"]["value"] > 0.7


def test_a_language_model_answers_too(atlas, capfd, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(
        "isogloss.evaluate.language_model.LanguageModelJudge._ask", lambda self, prompt: "1"
    )
    code, out, _ = run(capfd, atlas, "--language-model", "small", "--json", "-q")
    scores = json.loads(out)
    assert code == 0
    assert scores["language_model_mixing_accuracy_stand_in"]["value"] == 0.5  # it always says one
    note = scores["notes"]["language_model_intrusion_stand_in"]
    assert note.startswith("stand-in, no person answered: language model small")


def test_c_v_is_there_where_gensim_is(atlas, capfd):
    pytest.importorskip("gensim")
    _, out, _ = run(capfd, atlas, "--json")
    assert 0 < json.loads(out)["c_v"]["value"] < 1


def test_c_v_is_left_out_aloud_without_gensim(atlas, capfd, monkeypatch):
    monkeypatch.setattr("isogloss.evaluate.atlas._has_gensim", lambda: False)
    _, out, _ = run(capfd, atlas, "--json")
    assert "isogloss[eval]" in json.loads(out)["skipped"]["c_v"]


def test_tasks_go_out_and_answers_come_in(atlas, tmp_path, capfd):
    folder = tmp_path / "tasks"
    code, out, _ = run(capfd, atlas, "--tasks", folder)
    assert code == 0
    assert "give people tasks.html or tasks.csv, and keep key.json" in out
    assert sorted(path.name for path in folder.iterdir()) == ["key.json", "tasks.csv", "tasks.html"]
    tasks = read_key(folder)
    miss = next(task.id for task in tasks.tasks if task.kind == "intrusion" and task.topics)
    files = [answers(tmp_path / "ada.csv", tasks), answers(tmp_path / "bea.csv", tasks, {miss})]
    code, out, _ = run(capfd, atlas, "--tasks", folder, "--answers", *files, "--json")
    scores = json.loads(out)
    assert code == 0
    own = [task for task in tasks.tasks if task.kind == "intrusion" and task.topics]
    expected = 1 - 1 / (2 * len(own))
    assert scores["intrusion"]["value"] == pytest.approx(expected, abs=1e-6)
    assert scores["mixing_accuracy"]["value"] == scores["control_intrusion"]["value"] == 1.0
    assert {"intrusion_alpha", "intrusion_kappa", "mixing_alpha", "mixing_f1_two"} <= set(scores)
    assert {"intrusion_same_word", "mixing_auc_people"} <= set(scores)
    assert "intrusion_stand_in" in scores
    assert "stand-in" not in scores["notes"]["intrusion"]


def test_answers_to_other_tasks_are_told(atlas, tmp_path, capfd):
    assert run(capfd, atlas, "--tasks", tmp_path / "t", "--seed", 5)[0] == 0
    file = answers(tmp_path / "ada.csv", read_key(tmp_path / "t"))
    code, out, _ = run(capfd, atlas, "--tasks", tmp_path / "t", "--answers", file)
    assert code == 0
    assert "with another seed" in out
    code, _, err = run(capfd, atlas, "--tasks", tmp_path / "t")
    assert (code, "holds other tasks" in err) == (2, True)


def test_a_table_that_nobody_filled_in(atlas, tmp_path, capfd):
    folder = tmp_path / "t"
    assert run(capfd, atlas, "--tasks", folder)[0] == 0
    code, _, err = run(capfd, atlas, "--tasks", folder, "--answers", folder / "tasks.csv", "-q")
    assert (code, err.count("\n")) == (2, 1)
    assert "tasks.csv has no answers yet" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--answers", "a.csv"], "--tasks FOLDER"),
        (["--tasks", "{t}/none", "--answers", "a.csv"], "no key.json"),
        (["--stability", "1"], "give 2 or more runs"),
        (["--language-model", "small", "--offline"], "network is off"),
    ],
)
def test_mistakes_are_one_line(atlas, tmp_path, capfd, monkeypatch, argv, words):
    monkeypatch.setenv("ISOGLOSS_OFFLINE", "1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    code, _, err = run(capfd, atlas, *[part.format(t=tmp_path) for part in argv])
    assert code == 2
    assert words in err
    assert "Traceback" not in err


def test_stability_of_an_atlas(atlas, capfd):
    code, out, _ = run(capfd, atlas, "--stability", 2, "--json", "-q")
    scores = json.loads(out)
    assert code == 0
    for name in ("ari", "words", "passages"):
        for kind in ("stability", "resample"):
            assert scores[f"{kind}_{name}"]["value"] <= 1
    assert scores["stability_ari"]["value"] > 0.8
    assert "2 seeds" in scores["notes"]["stability_ari"]
    assert "stability" not in scores["skipped"]
    assert json.loads(run(capfd, atlas, "--stability", 2, "--json", "-q")[1]) == scores


def test_topics_that_depend_on_the_draw_are_said_to(atlas, tmp_path, capfd):
    assert "depend on the draw" not in run(capfd, atlas, "--stability", 2)[2]
    rng = np.random.default_rng(5)
    words = [word for subject in SUBJECTS.values() for word in subject]
    (tmp_path / "a.txt").write_text(
        "\n".join(" ".join(rng.choice(words, 4, replace=False)) for _ in range(300))
    )
    place = str(tmp_path / "a.atlas")
    assert main(["build", str(tmp_path / "a.txt"), "-o", place, "-q", "--encoder", "lsa"]) == 0
    capfd.readouterr()
    code, out, err = run(capfd, place, "--stability", 2, "--json", "-q")
    scores = json.loads(out)
    assert code == 0
    assert scores["stability_ari"]["value"] < 0.6
    assert "depend on the draw" not in out
    (line,) = err.splitlines()
    assert line.startswith("isogloss: warning: topics depend on the draw: fits with other seeds")
    assert "take fewer (TopicModel(n_topics=N), or merge some)" in line


def test_an_atlas_without_words_for_tasks_is_measured_all_the_same(tmp_path, capfd):
    pq.write_table(pa.table({"text": ["same words here"] * 40}), tmp_path / "a.parquet")
    arguments = ["build", str(tmp_path / "a.parquet"), "-o", str(tmp_path / "a.atlas"), "-q"]
    assert main(arguments) == 0
    capfd.readouterr()
    code, out, _ = run(capfd, tmp_path / "a.atlas", "--json")
    assert code == 0
    assert "no task could be made" in json.loads(out)["skipped"]["stand-in"]
    code, _, err = run(capfd, tmp_path / "a.atlas", "--tasks", tmp_path / "t")
    assert (code, "no task could be made" in err) == (2, True)


@pytest.mark.browser
def test_the_page_runs_in_a_browser(atlas, tmp_path, capfd):
    names = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("needs headless Chromium on the path")
    assert run(capfd, atlas, "--tasks", tmp_path / "t")[0] == 0
    page = (tmp_path / "t" / "tasks.html").as_uri()
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page,
    ]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    many = len(read_key(tmp_path / "t"))
    assert f"0 of {many} answered" in shown  # the script ran under its policy
    assert shown.count('class="away"') == many - 1
