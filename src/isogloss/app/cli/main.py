"""The command `isogloss`: finds the command, runs it, turns errors into exit codes."""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from isogloss._core.errors import IsoglossError, nearest
from isogloss.app.cli.options import number, whole

# Command -> what it does. The module of the same name is imported when it is called.
COMMANDS = {
    "build": "turn sources into an atlas, go on with one, or add to it",
    "update": "replace documents of an atlas by rows with their ids",
    "delete": "take documents out of an atlas",
    "info": "show an atlas' manifest",
    "topics": "show the topic tree, or write who belongs where",
    "label": "name topics by keywords or by a language model",
    "search": "find passages by meaning, by words, or both",
    "explore": "look at an atlas in the browser: map, topics, search, edits",
    "push": "carry an atlas into Qdrant or PostgreSQL",
    "migrate": "change the encoder of an atlas, through a map or by re-embedding",
    "serve": "answer with embeddings over HTTP, and offer an atlas to language models",
    "embed": "turn texts into vectors, Parquet to Parquet",
    "social": "measure who talks to whom, how unequally, when",
    "evaluate": "measure the topics of an atlas, or an encoder",
    "audit": "say what any vectors could reach on your judgements, and what is reached",
    "limit": "make a test set that is easy by words and hard for vectors",
    "train": "train an encoder by a recipe",
    "recipes": "list the recipes of the package, or print one",
    "reproduce": "measure the claims of research systems",
}
# Those that go on where an interrupted run of theirs stopped.
RESUMED = (
    "build", "update", "delete", "embed", "label", "migrate", "push", "reproduce", "train",
)  # fmt: skip
PLANNED = ("segment", "compare")

EXIT_OK, EXIT_FAILURE, EXIT_MISTAKE, EXIT_INTERRUPT = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, and what would be right.

    Options of type int and float are read by `whole` and `number`.

    Examples
    --------
    >>> parser = Parser(prog="isogloss")
    >>> _ = parser.add_argument("--limit", type=int)
    >>> parser.parse_args(["--limit", "20"]).limit
    20
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", int, whole)
        self.register("type", float, number)

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with code 2."""
        line = plain(" ".join(message.split()))
        self.exit(EXIT_MISTAKE, f"{self.prog}: {line} (see {self.prog} --help)\n")


# What argparse says -> what is said here; the value comes in quotes.
_PLAIN = (
    (r"argument ([^:]+): ([\"'])", r"\1 \2"),
    (r"argument ([^:]+): expected (?:one|at least one) argument", r"\1 needs a value behind it"),
    (r"argument ([^:]+): not allowed with argument (\S+)", r"\1 does not go with \2"),
)


def plain(message: str) -> str:
    """Say in the words of this project what argparse says of an option.

    Examples
    --------
    >>> plain("argument --limit: 'ten' is no whole number: give one, such as 20")
    "--limit 'ten' is no whole number: give one, such as 20"
    >>> plain("argument --redo: not allowed with argument --undo")
    '--redo does not go with --undo'
    """
    for theirs, ours in _PLAIN:
        message = re.sub(f"^{theirs}", ours, message)
    return message


def build_parser() -> argparse.ArgumentParser:
    """Give the parser of `isogloss` itself: names and one-liners of the commands.

    Examples
    --------
    >>> "build" in build_parser().format_help()
    True
    """
    from isogloss import __version__

    lines = [f"  {name:<10}{text}" for name, text in COMMANDS.items()]
    parser = Parser(
        prog="isogloss",
        usage="isogloss COMMAND ...",
        description="Turn a pile of text into an atlas: passages, vectors, topics and search.",
        epilog="commands:\n" + "\n".join(lines) + "\n\nisogloss COMMAND --help shows its options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"isogloss {__version__}")
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    int
        0 success, 1 a failure of ours, 2 a mistake of the user, 130 an interrupt.

    Examples
    --------
    >>> main(["--version"])
    isogloss 0.1.0
    0
    """
    # The store logs its own doings to stderr; ours says what matters.
    os.environ.setdefault("LANCEDB_LOG", "error")
    os.environ.setdefault("LANCE_LOG", "error")
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter shows "?" for it
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else EXIT_OK
    except IsoglossError as error:
        return _complain(" ".join(str(error).split()), EXIT_MISTAKE)
    except KeyboardInterrupt:
        given = sys.argv[1:] if argv is None else argv
        resumed = set(given[:1]) & set(RESUMED) and "--situate" not in given
        kept = "what is done is kept, and the same command goes on from there"
        return _complain(
            f"interrupted; {kept if resumed else 'nothing was changed'}", EXIT_INTERRUPT
        )
    except BrokenPipeError:
        # The reader of our output has left, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except Exception as error:
        return _failure(error)


def _dispatch(argv: list[str]) -> int:
    parser = build_parser()
    if not argv:
        parser.print_help(sys.stderr)
        return EXIT_MISTAKE
    if argv[0].startswith("-"):
        parser.parse_args(argv)
        return EXIT_OK
    name, rest = argv[0], argv[1:]
    if name in PLANNED:
        raise IsoglossError(f"the command {name!r} is not in this version yet; it has: "
                            + ", ".join(COMMANDS))  # fmt: skip
    if name not in COMMANDS:
        raise IsoglossError(f"there is no command {name!r}; {nearest(name, COMMANDS)}")
    command = import_module(f"isogloss.app.cli.{name}")
    own = Parser(
        prog=f"isogloss {name}", description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + "."
    )
    command.add_arguments(own)
    code: int = command.run(own.parse_args(rest))
    sys.stdout.flush()
    return code


def _complain(line: str, code: int) -> int:
    print(f"isogloss: {line}", file=sys.stderr)
    return code


def _failure(error: Exception) -> int:
    if os.environ.get("ISOGLOSS_DEBUG"):
        import traceback

        traceback.print_exc()
    from isogloss._core.files import is_refusal, refusal_message

    if is_refusal(error):
        return _complain(refusal_message("to the disk", error), EXIT_MISTAKE)
    reason = " ".join(str(error).split())[:300]
    return _complain(
        f"internal error: {type(error).__name__}: {reason} "
        "(set ISOGLOSS_DEBUG=1 for the traceback, and please report it)",
        EXIT_FAILURE,
    )
