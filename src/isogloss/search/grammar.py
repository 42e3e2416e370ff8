"""The filter language: text in, a tree of tests out.

The grammar knows columns, literals and a closed list of operators. It has no functions, no
subqueries, no comments and no statements, so a filter can say nothing else. What it reads is a
tree of plain records; nothing of the user's text goes further than its literals.

::

    filter     := all ("OR" all)*
    all        := one ("AND" one)*
    one        := "NOT" one | "(" filter ")" | test
    test       := column ( ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") literal
                         | ["NOT"] "IN" "(" literals ")"
                         | ["NOT"] "BETWEEN" literal "AND" literal
                         | ["NOT"] ("LIKE" | "ILIKE") literal
                         | "IS" ["NOT"] "NULL"
                         | ["NOT"] "HAS" (literal | ("ANY" | "ALL") "(" literals ")") )
    column     := word | '"' any text, '""' for a double quote '"'
    literal    := "'" any text, "''" for a quote "'" | number | "TRUE" | "FALSE"
"""

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from isogloss._core.errors import FilterError

MAX_LENGTH = 100_000  # characters of a filter
MAX_STRING = 10_000  # characters of one literal
MAX_NUMBER = 400  # characters of one number
MAX_DEPTH = 12  # brackets and NOTs within each other; DataFusion's parser gives up soon after 20
MAX_TESTS = 500  # tests joined by AND and OR
MAX_VALUES = 1_000  # literals of one IN or HAS

KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS", "NULL", "TRUE", "FALSE", "HAS"}
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written: a str, int, float or bool, and where it stands (from 1)."""

    value: str | int | float | bool
    at: int


@dataclass(frozen=True, slots=True)
class Test:
    """One test of one column, not yet checked against a type."""

    column: str
    op: str
    values: tuple[Literal, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a node."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of several nodes."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of several nodes."""

    nodes: tuple["Node", ...]


Node: TypeAlias = Test | Not | And | Or


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, name, string, number, op, end
    text: str
    at: int


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\W\d]\w*")
_OPERATOR = re.compile(r"==|!=|<>|<=|>=|[=<>(),]")
_HINTS = {
    ";": "a filter is one expression: leave the semicolon out",
    "‘": "write string literals in straight single quotes, as in label = 'x'",
    "’": "write string literals in straight single quotes, as in label = 'x'",
    "“": "write column names in straight double quotes",
    "”": "write column names in straight double quotes",
    "`": "write unusual column names in double quotes",
}


def fail(at: int, message: str) -> NoReturn:
    """Refuse a filter, saying where.

    Examples
    --------
    >>> fail(3, "expected a value")
    Traceback (most recent call last):
    isogloss._core.errors.FilterError: filter, column 3: expected a value
    """
    raise FilterError(f"filter, column {at}: {message}")


def parse(text: str) -> Node:
    """Read a filter.

    Parameters
    ----------
    text : str
        The filter, at most 100,000 characters.

    Returns
    -------
    Node
        A tree of `Test`, `Not`, `And` and `Or`; types are not checked yet.

    Raises
    ------
    FilterError
        Where it does not follow the grammar; the message gives the position, counted from 1.

    Examples
    --------
    >>> parse("year >= 1993").op
    '>='
    >>> parse("year >= ")
    Traceback (most recent call last):
    isogloss._core.errors.FilterError: filter, column 9: expected a value, found the end
    """
    if not isinstance(text, str):
        raise FilterError(f"a filter is a string, not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text):,} characters; {MAX_LENGTH:,} are the limit")
    return _Parser(_tokens(text)).filter()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(text):
        char = text[place]
        if char in " \t\r\n":
            place += 1
            continue
        token, place = _token(text, place)
        tokens.append(token)
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens


def _token(text: str, place: int) -> tuple[_Token, int]:
    at = place + 1
    char = text[place]
    if char in "'\"":
        return _quoted(text, place, char)
    if text.startswith(("--", "/*"), place) or char == "#":
        fail(at, "comments are not part of the filter language")
    if match := _NUMBER.match(text, place):
        if len(match[0]) > MAX_NUMBER:
            fail(at, f"the number has {len(match[0]):,} characters; {MAX_NUMBER} are the limit")
        if _WORD.match(text, match.end()) or text.startswith(".", match.end()):
            fail(at, f"{match[0]!r} runs into what follows; put strings in single quotes")
        return _Token("number", match[0], at), match.end()
    if match := _WORD.match(text, place):
        return _Token("word", match[0], at), match.end()
    if match := _OPERATOR.match(text, place):
        return _Token("op", match[0], at), match.end()
    fail(at, _HINTS.get(char, f"{char!r} is not part of the filter language"))


def _quoted(text: str, place: int, quote: str) -> tuple[_Token, int]:
    parts: list[str] = []
    start = place + 1
    while True:
        end = text.find(quote, start)
        if end < 0:
            fail(place + 1, f"the {quote} that opens here is not closed")
        parts.append(text[start:end])
        if not text.startswith(quote, end + 1):
            break
        parts.append(quote)
        start = end + 2
    value = "".join(parts)
    if len(value) > MAX_STRING:
        fail(place + 1, f"the string has {len(value):,} characters; {MAX_STRING:,} are the limit")
    if any("\ud800" <= char <= "\udfff" for char in value):
        fail(place + 1, "the string holds half a surrogate pair, which is not text")
    return _Token("string" if quote == "'" else "name", value, place + 1), end + 1


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.tests = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place += 1
        return token

    def word(self, token: _Token | None = None) -> str:
        token = token or self.token
        return token.text.upper() if token.kind == "word" and token.text.isascii() else ""

    def accept(self, *words: str) -> bool:
        if self.word() in words or (self.token.kind == "op" and self.token.text in words):
            self.place += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            fail(self.token.at, f"expected {text}, found {_shown(self.token)}")

    def filter(self) -> Node:
        node = self.any_of(0)
        if self.token.kind != "end":
            fail(self.token.at, f"expected AND, OR or the end, found {_shown(self.token)}")
        return node

    def any_of(self, depth: int) -> Node:
        nodes = [self.all_of(depth)]
        while self.accept("OR"):
            nodes.append(self.all_of(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def all_of(self, depth: int) -> Node:
        nodes = [self.one(depth)]
        while self.accept("AND"):
            nodes.append(self.one(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def one(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            fail(self.token.at, f"brackets and NOTs nest deeper than {MAX_DEPTH}: write it flatter")
        if self.accept("NOT"):
            return Not(self.one(depth + 1))
        if self.accept("("):
            node = self.any_of(depth + 1)
            self.expect(")")
            return node
        return self.test()

    def test(self) -> Node:
        column = self.column()
        self.tests += 1
        if self.tests > MAX_TESTS:
            fail(column.at, f"more than {MAX_TESTS} tests: use IN for many values of one column")
        if self.token.kind == "op" and self.token.text == "(":
            fail(column.at, f"{column.text!r}: functions are not part of the filter language")
        if self.accept("IS"):
            negated = self.accept("NOT")
            self.expect("NULL")
            return _maybe_not(Test(column.text, "IS NULL", (), column.at), negated)
        negated = self.accept("NOT")
        op, values = self.operator(negated)
        return _maybe_not(Test(column.text, op, values, column.at), negated)

    def column(self) -> _Token:
        token = self.take()
        if token.kind == "name" or (token.kind == "word" and self.word(token) not in KEYWORDS):
            return token
        hint = "; a test starts with its column" if token.kind in ("string", "number") else ""
        if self.word(token) in KEYWORDS:
            hint = '; put a column of that name in double quotes: "..."'
        fail(token.at, f"expected a column, found {_shown(token)}{hint}")

    def operator(self, negated: bool) -> tuple[str, tuple[Literal, ...]]:
        token = self.take()
        word = self.word(token)
        if word == "IN":
            return "IN", self.values()
        if word == "BETWEEN":
            low = self.literal()
            self.expect("AND")
            return "BETWEEN", (low, self.literal())
        if word in ("LIKE", "ILIKE"):
            return word, (self.literal(),)
        if word == "HAS":
            for many in ("ANY", "ALL"):
                if self.accept(many):
                    return f"HAS {many}", self.values()
            return "HAS", (self.literal(),)
        if negated:
            fail(token.at, f"expected IN, BETWEEN, LIKE, ILIKE or HAS, found {_shown(token)}")
        if token.kind == "op" and token.text not in "(),":
            op = {"==": "=", "!=": "<>"}.get(token.text, token.text)
            return op, (self.literal(),)
        fail(token.at, f"expected an operator (=, <, IN, LIKE, ...), found {_shown(token)}")

    def values(self) -> tuple[Literal, ...]:
        self.expect("(")
        values = [self.literal()]
        while self.accept(","):
            values.append(self.literal())
        self.expect(")")
        if len(values) > MAX_VALUES:
            fail(values[0].at, f"{len(values):,} values; {MAX_VALUES:,} are the limit")
        return tuple(values)

    def literal(self) -> Literal:
        token = self.take()
        if token.kind == "string":
            return Literal(token.text, token.at)
        if token.kind == "number":
            whole = token.text.lstrip("+-").isdigit()
            return Literal(int(token.text) if whole else float(token.text), token.at)
        word = self.word(token)
        if word in ("TRUE", "FALSE"):
            return Literal(word == "TRUE", token.at)
        if word == "NULL":
            fail(token.at, "nothing equals NULL: write IS NULL or IS NOT NULL")
        if token.kind == "name":
            fail(token.at, f"expected a value, found the column {token.text!r}; strings take '...'")
        if token.kind == "word":
            fail(token.at, f"expected a value, found {token.text!r}; put strings in single quotes")
        fail(token.at, f"expected a value, found {_shown(token)}")


def _maybe_not(node: Node, negated: bool) -> Node:
    return Not(node) if negated else node


def _shown(token: _Token) -> str:
    if token.kind == "end":
        return "the end"
    text = token.text if len(token.text) <= 40 else token.text[:40] + "..."
    return repr(text)
