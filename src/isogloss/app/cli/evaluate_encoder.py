"""`isogloss evaluate encoder`: an encoder on tasks, and up to what length it sees."""

import argparse
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.output import print_json, print_table

CHARTS = (".svg", ".html", ".json")
OPTIONS = ("lengths", "queries", "documents", "filler", "data", "limit", "chart", "text")


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate encoder`."""
    group = parser.add_argument_group("evaluate encoder")
    group.add_argument("--data", metavar="FOLDER", help="data sets (default: ISOGLOSS_DATA)")
    group.add_argument(
        "--text", metavar="COL", help="texts in a file of your own (default: text); see --labels"
    )
    group.add_argument(
        "--lengths", metavar="N,N,...",
        help="tokens of the documents of passkey and needle (default: 256 to 4096)",
    )  # fmt: skip
    group.add_argument(
        "--queries", type=int, metavar="N", help="questions at each length (default: 50)"
    )
    group.add_argument(
        "--documents", type=int, metavar="N", help="documents at each length (default: 100)"
    )
    group.add_argument(
        "--filler", metavar="SOURCE", help="texts to hide the sentences in (default: our sample)"
    )
    group.add_argument(
        "--limit", type=int, metavar="N", help="texts of a data set at most (default: 4000)"
    )
    group.add_argument(
        "--chart", metavar="FILE", help="write length against accuracy as .svg, .html or .json"
    )


def run_encoder(args: argparse.Namespace) -> int:
    """Measure an encoder, and print."""
    chart = _chart_path(args.chart)
    from isogloss.app.cli.progress import Progress
    from isogloss.evaluate.encoder import LIMIT, ProbeSettings, evaluate_encoder
    from isogloss.evaluate.encoder_tasks import find_tasks
    from isogloss.evaluate.needle import DOCUMENTS, LENGTHS, QUERIES, filler_sentences

    documents = DOCUMENTS if args.documents is None else args.documents
    names = None if args.tasks is None else args.tasks.split(",")
    data = _data(args.data)
    tasks, _ = find_tasks(
        names, data, text=args.text, labels=args.labels
    )  # a bad name is answered before a model is loaded
    probed = any(task.path is None for task in tasks)
    if chart is not None and not probed:
        raise ParameterError(f"--chart {args.chart}: only passkey and needle have lengths to draw")
    sizes = ProbeSettings(
        lengths=LENGTHS if args.lengths is None else _lengths(args.lengths),
        queries=min(QUERIES, documents) if args.queries is None else args.queries,
        documents=documents,
        filler=filler_sentences(_texts(args.filler)) if args.filler and probed else None,
    )
    progress = Progress(quiet=args.quiet)
    try:
        found = evaluate_encoder(
            args.target,
            names,
            data=data,
            probe=sizes,
            text=args.text,
            labels=args.labels,
            limit=LIMIT if args.limit is None else args.limit,
            seed=args.seed,
            on_event=progress,
        )
    finally:
        progress.close()
    if chart is not None:
        _write_chart(chart, found)
    if args.json:
        print_json(found)
    else:
        _print(found, chart)
    return 0


def _data(named: str | None) -> Path | None:
    import os

    from isogloss.ledger.data import MissingData, find_data

    try:
        return find_data(named)
    except MissingData:
        if named is not None or os.environ.get("ISOGLOSS_DATA"):
            raise
        return None  # nowhere to look: probes and files can be measured all the same


def _lengths(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong:
        raise ParameterError(f"--lengths {text}: {wrong[0]!r} is no number; write 256,512,1024")
    return [int(part) for part in parts]


def _texts(source: str) -> Any:
    from isogloss.corpus.source import open_source

    for batch in open_source(source).batches():
        yield from batch.column("text").to_pylist()


def _chart_path(name: str | None) -> Path | None:
    if name is None:
        return None
    path = Path(name).expanduser()
    if path.suffix.lower() not in CHARTS:
        raise ParameterError(f"--chart {name}: end its name in {', '.join(CHARTS)}")
    if not path.absolute().parent.is_dir():
        raise ParameterError(f"--chart {name}: there is no folder {path.absolute().parent}")
    if path.is_dir():
        raise ParameterError(f"--chart {name} is a folder: name a file")
    return path


def _series(found: dict[str, Any]) -> dict[str, Any]:
    return {name: one["by_length"] for name, one in found["tasks"].items() if "by_length" in one}


def _write_chart(path: Path, found: dict[str, Any]) -> None:
    from isogloss._core.files import atomic_path, storage_errors, write_json
    from isogloss.evaluate.length_chart import html_chart, svg_chart

    series = _series(found)
    title = f"{found['encoder']}: found among {_documents(found)} documents"
    with storage_errors(f"the chart {path}"):
        if path.suffix.lower() == ".json":
            held = {"encoder": found["encoder"], "max_tokens": found["max_tokens"]}
            write_json(path, held | {"series": series})
            return
        chance = max(found["tasks"][name]["chance"] for name in series)
        drawn = svg_chart(series, title=title, window=found["max_tokens"], chance=chance)
        if path.suffix.lower() == ".html":
            drawn = html_chart(drawn, series, title=title)
        with atomic_path(path) as target:
            target.write_text(drawn, encoding="utf-8")


def _documents(found: dict[str, Any]) -> int:
    chances = [one["chance"] for one in found["tasks"].values() if "chance" in one]
    count: int = round(1 / chances[0])
    return count


def _print(found: dict[str, Any], chart: Path | None) -> None:
    from isogloss.evaluate.length_chart import text_chart

    rows = [
        [name, one["metric"], *(_number(one[part]) for part in ("value", "low", "high"))]
        for name, one in found["tasks"].items()
    ]
    print_table(["task", "metric", "value", "low", "high"], rows)
    for name, one in found["tasks"].items():
        if "by_length" in one:
            window = found["max_tokens"]
            print(f"\n{name} by length in {one['counted_in']}; window: {window or 'none'}")
            print("\n".join(text_chart(one["by_length"], window=window)))
    notes = [
        f"{name}: {plural(one['left_out'], 'row')} left out: without a "
        + ("text or a score" if one["kind"] == "sts" else "text or a label, or a text given twice")
        for name, one in found["tasks"].items()
        if one.get("left_out")
    ]
    notes += [
        f"{name}: {one[part]}"
        for name, one in found["tasks"].items()
        for part in ("truncation", "notes")
        if one[part]
    ]
    notes += [f"left out, {reason}" for reason in found["missing"].values()]
    if chart is not None:
        notes.append(f"chart: {chart}")
    if notes:
        print("\n" + "\n".join(notes))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
