"""`isogloss label`: names for topics, from keywords or from a language model."""

import argparse

from isogloss._core.errors import ParameterError
from isogloss._core.plural import of_all, plural
from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `label`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "--model",
        default="keywords",
        metavar="SPEC",
        help="keywords (the default), openai:MODEL, gguf:FILE or gguf:smollm2",
    )
    parser.add_argument(
        "--budget", type=int, default=500, metavar="CALLS", help="answers to ask for (500)"
    )
    parser.add_argument(
        "--budget-tokens", type=int, metavar="N", help="tokens sent and received (no bound)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="also topics that a person has named"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be asked, and ask nothing"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Label, and print what came of it."""
    apply_common(args)
    if args.budget < 1 or (args.budget_tokens is not None and args.budget_tokens < 1):
        raise ParameterError("--budget and --budget-tokens must be at least 1")
    from isogloss.app.cli.output import one_line, print_json, print_table, terminal_width
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas
    from isogloss.topics.labelling import Budget

    atlas = Atlas.open(args.atlas)
    progress = Progress(quiet=args.quiet)
    try:
        report = atlas.label_topics(
            args.model,
            budget=Budget(args.budget, args.budget_tokens),
            overwrite=args.overwrite,
            dry_run=args.dry_run,
            on_event=progress,
        )
    finally:
        progress.close()
    if args.json:
        print_json(report.to_json())
        return 0
    if args.dry_run:
        cost = report.estimate or {"calls": 0, "tokens": 0, "passage_characters": 0}
        where = f"to {report.host}" if report.host else "to no other machine"
        print(
            f"{of_all(report.to_ask, report.topics, 'topic')} would be asked about: "
            f"{plural(cost['calls'], 'call')}, about {plural(cost['tokens'], 'token')}, "
            f"{plural(cost['passage_characters'], 'character')} of passages {where}; "
            f"{plural(report.cached, 'answer')} known already"
        )
        return 0
    width = max(20, terminal_width() - 12)
    rows = [[str(topic), one_line(label, width)] for topic, label in report.labels.items()]
    print_table(["id", "label"], rows)
    named = report.topics - report.kept if report.model == "keywords" else report.labelled
    parts = [f"{of_all(named, report.topics, 'topic')} named by {report.model}"]
    if report.kept:
        parts.append(f"{report.kept} kept as people named them")
    parts += [f"{count} by keywords ({reason})" for reason, count in report.fallback.items()]
    if report.model != "keywords":
        tokens = report.prompt_tokens + report.reply_tokens
        parts.append(f"{plural(report.calls, 'call')}, {plural(tokens, 'token')}")
    print("\n" + "; ".join(parts))
    # A model that named nothing is a failure, whatever the keywords made of it.
    return 1 if report.model != "keywords" and report.to_ask and not report.labelled else 0
