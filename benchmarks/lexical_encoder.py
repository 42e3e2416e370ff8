"""Quality of `lexical` beside its teacher and its peers, in one run.

    python benchmarks/lexical_encoder.py --data ../shared/data --cache FOLDER \
        --encoder lexical --encoder lexical:FOLDER --peers-python PYTHON \
        --luxical FILE.npz --model2vec FOLDER

Pairs graded by people: Spearman of the cosines with the grades. Labelled corpora: k-means told the
classes (NMI), logistic regression on 70% of the texts (accuracy on the rest), Spearman with the
teacher's cosines of 20,000 random pairs and of the pairs among the teacher's ten nearest, and the
share of those ten that are found. Retrieval: nDCG@10 and recall@10. Nothing but passages like those
of debian_packages was trained on. TF-IDF with SVD is fitted on the very texts it is scored on,
without labels. The teacher reads 256 tokens of a text. In brackets 95% bootstrap intervals (over
pairs, texts or queries; of several seeds the widest); then the share of the teacher's figure.
Prints Markdown, writes JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import encoder_rows
import encoder_tasks

TEACHER = "onnx-int8:sentence-transformers/all-MiniLM-L6-v2"
OF_TEACHER = ("spearman", "nmi", "probe", "ndcg@10", "recall@10")


def measure(task, vectors, teacher, seeds):
    """Give every score of one encoder on one task."""
    if task.kind == "pairs":
        return encoder_tasks.score_pairs(task, vectors)
    if task.kind == "retrieval":
        return encoder_tasks.score_retrieval(task, vectors)
    return encoder_tasks.score_labelled(task, vectors, teacher, seeds)


def table(kind, tasks, scores, labels):
    """Print the tasks of one kind, a line each encoder and task."""
    names = [name for name in scores if tasks[name].kind == kind]
    if not names:
        return
    columns = list(next(iter(scores[names[0]].values())))
    print(f"\n| {kind} | encoder | " + " | ".join(columns) + " |")
    print("|---" * (2 + len(columns)) + "|")
    for name in names:
        for spec, found in scores[name].items():
            cells = []
            for column in columns:
                share = ""
                if column in OF_TEACHER and spec != "teacher":
                    best = scores[name]["teacher"][column].value
                    share = f" {found[column].value / max(best, 1e-9):.1%}"
                cells.append(f"{found[column]}{share}")
            print(f"| {name} | {labels.get(spec, spec)} | " + " | ".join(cells) + " |")


def summary(tasks, scores, labels):
    """Print the mean share of the teacher's figure over the tasks, an encoder a line."""
    wanted = [("pairs", "spearman"), ("labelled", "nmi"), ("labelled", "probe"),
              ("retrieval", "ndcg@10"), ("retrieval", "recall@10")]  # fmt: skip
    wanted = [one for one in wanted if any(tasks[name].kind == one[0] for name in scores)]
    print("\n| mean share of the teacher | " + " | ".join(c for _, c in wanted) + " |")
    print("|---" * (1 + len(wanted)) + "|")
    for spec in next(iter(scores.values())):
        cells = []
        for kind, column in wanted:
            shares = [scores[name][spec][column].value / scores[name]["teacher"][column].value
                      for name in scores if tasks[name].kind == kind]  # fmt: skip
            cells.append(f"{np.mean(shares):.1%} (least {min(shares):.1%})")
        print(f"| {labels.get(spec, spec)} | " + " | ".join(cells) + " |")


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*encoder_tasks.PAIRS, *encoder_tasks.LABELLED, *encoder_tasks.RETRIEVAL]
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="the teacher's vectors")
    parser.add_argument("--encoder", action="append", help="lexical by default")
    parser.add_argument("--teacher", default=TEACHER)
    parser.add_argument("--luxical", action="append", default=[], metavar="FILE")
    parser.add_argument("--model2vec", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--svd", default="192,384", help="widths of TF-IDF with SVD; '' for none")
    parser.add_argument("--peers-python")
    parser.add_argument("--tasks", default=",".join(every))
    parser.add_argument("--prefixes", default="", help="also the first so many numbers: 64,128")
    parser.add_argument("--count", type=int, default=4000, help="texts of a labelled corpus")
    parser.add_argument("--seeds", type=int, default=3, help="of k-means and the probe")
    parser.add_argument("--out", type=Path, default=Path("lexical_encoder.json"))
    options = parser.parse_args()
    specs = list(options.encoder or ["lexical"])
    specs += [f"luxical:{path}" for path in options.luxical]
    specs += [f"model2vec:{path}" for path in options.model2vec]
    specs += [f"tfidf-svd:{dim}" for dim in options.svd.split(",") if dim]
    tasks = {name: encoder_tasks.read_task(options.data, name, options.count)
             for name in options.tasks.split(",")}  # fmt: skip
    teacher = encoder_rows.teacher_rows(options.teacher, tasks, options.cache)
    vectors = {"teacher": teacher}
    vectors |= {spec: encoder_rows.rows(spec, tasks, options.peers_python) for spec in specs}
    for spec in options.encoder or ["lexical"]:
        for dim in filter(None, options.prefixes.split(",")):
            vectors[f"{spec} first {dim}"] = {
                name: {part: encoder_rows.unit(whole[:, : int(dim)]) for part, whole in one.items()}
                for name, one in vectors[spec].items()
            }
    labels = {spec: f"{spec.partition(':')[0]} {Path(spec.partition(':')[2]).stem}".strip()
              for spec in specs if ":" in spec}  # fmt: skip
    for path in options.luxical:
        labels[f"luxical:{path}"] = f"luxical {Path(path).parent.name}"
    scores = {name: {spec: measure(task, one[name], teacher[name], options.seeds)
                     for spec, one in vectors.items()}
              for name, task in tasks.items()}  # fmt: skip
    for kind in ("pairs", "labelled", "retrieval"):
        table(kind, tasks, scores, labels)
    summary(tasks, scores, labels)
    plain = {name: {labels.get(spec, spec): {key: list(one) for key, one in found.items()}
                    for spec, found in row.items()}
             for name, row in scores.items()}  # fmt: skip
    options.out.write_text(json.dumps(plain, indent=2) + "\n")


if __name__ == "__main__":
    main()
