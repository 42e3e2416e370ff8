"""`isogloss evaluate`: topics or an encoder, in figures with intervals."""

import argparse

from isogloss._core.errors import ParameterError, nearest
from isogloss.app.cli import evaluate_encoder
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import NPMI_MEANS, print_json, print_table

UNGIVEN: dict[str, object] = {"stability": 0, "answers": []}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate`."""
    parser.epilog = NPMI_MEANS
    parser.add_argument("what", metavar="WHAT", help="topics or encoder")
    parser.add_argument("target", metavar="TARGET", help="an atlas, or the spec of an encoder")
    parser.add_argument(
        "--labels",
        metavar="COL",
        help="attribute, or column of a file of your own, with the true labels",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the bootstrap and of the tasks"
    )
    parser.add_argument(
        "--stability", type=int, default=0, metavar="N",
        help="fit the topics again with N seeds and on N resamples, and compare",
    )  # fmt: skip
    parser.add_argument(
        "--tasks", metavar="FOLDER",
        help="topics: write word tasks for people (page, table and key) into this folder; "
        "encoder: the tasks, as NAME,NAME",
    )  # fmt: skip
    parser.add_argument(
        "--answers", nargs="+", default=[], metavar="FILE",
        help="score what people answered to the tasks in that folder",
    )  # fmt: skip
    parser.add_argument(
        "--language-model", metavar="NAME",
        help="let this model at OPENAI_BASE_URL answer the tasks too, as a stand-in for people",
    )  # fmt: skip
    evaluate_encoder.add_encoder_arguments(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and print."""
    apply_common(args)
    if args.what not in ("topics", "encoder"):
        known = nearest(args.what, ["topics", "encoder"])
        raise ParameterError(f"evaluate knows no {args.what!r}; {known}")
    _refuse_others(args)
    if args.what == "encoder":
        return evaluate_encoder.run_encoder(args)
    return _topics(args)


def _refuse_others(args: argparse.Namespace) -> None:
    """Refuse options that this kind of evaluation would not look at."""
    topics = ("stability", "answers", "language_model")
    others = topics if args.what == "encoder" else evaluate_encoder.OPTIONS
    for name in others:
        if getattr(args, name) not in (None, UNGIVEN.get(name)):
            option = "--" + name.replace("_", "-")
            raise ParameterError(f"{option} is not an option of evaluate {args.what}")


def _topics(args: argparse.Namespace) -> int:
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas

    progress = Progress(quiet=args.quiet)
    try:
        scores = Atlas.open(args.target).evaluate_topics(
            labels=args.labels,
            seed=args.seed,
            stability=args.stability,
            tasks=args.tasks,
            answers=args.answers,
            language_model=args.language_model,
            on_event=progress,
        )
    finally:
        progress.close()
    if args.json:
        print_json(scores)
        return 0
    rows = []
    for name, value in scores.items():
        if isinstance(value, dict):
            if set(value) == {"value", "low", "high"} and not name.endswith("_interval"):
                shown = [value[part] for part in ("value", "low", "high")]
                rows.append([name, *("-" if x is None else f"{x:.3f}" for x in shown)])
        elif isinstance(value, float):
            rows.append([name, f"{value:.3f}", "", ""])
        else:
            rows.append([name, str(value), "", ""])
    print_table(["measure", "value", "low", "high"], rows)
    if "npmi" in scores:
        print(NPMI_MEANS)
    if any(name.endswith("_stand_in") for name in scores):
        print("stand_in: no person answered; a machine's choice, which people need not share")
    for name in ("tasks", "word tasks", "people"):
        if name in scores["notes"]:
            print(f"{name}: {scores['notes'][name]}")
    for name, reason in scores["skipped"].items():
        print(f"{name}: left out, {reason}")
    return 0
