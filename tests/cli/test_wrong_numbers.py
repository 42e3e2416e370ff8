"""An option that wants a number says which, what it was given, and what would be right."""

import argparse
from importlib import import_module

import pytest

from isogloss.app.cli.main import COMMANDS, Parser, main


def numeric_options():
    """Give each option of each command that takes a number."""
    for name in COMMANDS:
        parser = Parser(prog=f"isogloss {name}")
        import_module(f"isogloss.app.cli.{name}").add_arguments(parser)
        for action in parser._actions:
            if action.type in (int, float):
                yield name, action.option_strings[0], action.type


OPTIONS = list(numeric_options())


def test_there_are_such_options():
    assert ("build", "--min-topic-size", int) in OPTIONS
    assert ("serve", "--window-ms", float) in OPTIONS
    assert len(OPTIONS) > 40


@pytest.mark.parametrize(("command", "option", "kind"), OPTIONS)
def test_a_word_for_a_number(command, option, kind, capfd):
    assert main([command, option, "abc"]) == 2
    (said,) = capfd.readouterr().err.splitlines()
    what = "whole number" if kind is int else "number"
    assert said.startswith(f"isogloss {command}: {option} 'abc' is no {what}: give one in digits")
    assert said.endswith(f"(see isogloss {command} --help)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["--n-topics", "abc"],
            "--n-topics 'abc' is no number of topics: give a whole number such",
        ),
        (["--min-topic-size", "2.5"], "--min-topic-size '2.5' is no whole number"),
        (["--min-topic-size", ""], "--min-topic-size '' is no whole number"),
        (
            ["--seed", "7" * 5000],
            "--seed '7777777777777777777777777777777777777777'... is no whole",
        ),
        (["--memory", "lots"], "--memory 'lots' is no size; write it as 2GB or 512MB"),
        (["--memory", "inf"], "--memory 'inf' is no size; write it as 2GB or 512MB"),
        (["--memory", "1e999"], "--memory '1e999' is no size; write it as 2GB or 512MB"),
        (["--limit"], "--limit needs a value behind it"),
    ],
)
def test_wrong_values_of_a_build(tmp_path, capfd, given, said):
    assert main(["build", "a.txt", "-o", str(tmp_path / "a"), "-q", *given]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"isogloss build: {said}")
    assert not (tmp_path / "a").exists()


def test_options_that_do_not_go_together(capfd):
    assert main(["topics", "a.atlas", "--undo", "--redo"]) == 2
    assert "isogloss topics: --redo does not go with --undo (" in capfd.readouterr().err


def test_groups_of_options_read_numbers_as_well():
    parser = Parser()
    parser.add_argument_group("bounds").add_argument("--most", type=int)
    assert parser.parse_args(["--most", "-3"]) == argparse.Namespace(most=-3)
