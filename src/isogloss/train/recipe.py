"""A recipe: a TOML file that says what is trained, on what, from which teacher."""

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError, SourceError, nearest

OBJECTIVE_NAMES = ("cosine", "gram", "ranking")

# What an encoder that `start` names has already.
STARTED = ("width", "hidden", "buckets", "frequencies")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts to learn from.

    Parameters
    ----------
    files : list of str
        Sources, relative to the recipe.
    text : str, optional
        Their text column.
    split : {"row", "sentence"}
        What becomes a text.
    sample : int, optional
        How many to draw; all by default.
    vectors : list of str
        Vectors of the teacher that lie ready, one ``.npy`` file a source: rows of 8-bit or floating
        numbers in the order of the source's rows.
    """

    files: list[str]
    text: str | None = None
    split: str = "row"
    sample: int | None = None
    vectors: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Refuse what cannot be read.

        Raises
        ------
        ParameterError
        """
        if not self.files:
            raise ParameterError("recipe: files is []; name at least one source")
        if self.sample is not None and self.sample < 1:
            raise ParameterError(f"recipe: sample is {self.sample}; give 1 or more, or none")
        if self.split not in ("row", "sentence"):
            raise ParameterError(f"recipe: split is {self.split!r}; give 'row' or 'sentence'")
        if self.vectors and (self.split != "row" or len(self.vectors) != len(self.files)):
            raise ParameterError("recipe: vectors need split = 'row' and one file for each source")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a lexical encoder is distilled.

    Parameters
    ----------
    teacher : str
        Spec string of the encoder that is distilled.
    corpus : list of Corpus
    start : str, optional
        Spec string of a lexical encoder to go on from; its widths and buckets are kept (`width`,
        `hidden`, `buckets` and `frequencies` are refused), and `words` and `pairs` are how many
        are added.
    words, pairs, buckets : int
        Features that get a row in the table: words, pairs of neighbours, hashed pieces of unknown
        words.
    width : int
        Numbers in a row of the table.
    frequencies : str, optional
        A Parquet file of the words of the language, columns `word` and `frequency`.
    bits : {8, 4}
        Of a number in the table. After rounding to 4, training goes on at a quarter of the rates.
    repair_epochs : int
        How long it goes on after rounding to 4 bits.
    hidden : int
        Width of the hidden layer.
    weigh : bool, default False
        Rows are weighed a second time by how they agree with their sum. An encoder that `start`
        names keeps its second weighing.
    objectives : dict
        Weight of each term of the loss: cosine, gram, ranking; 0 or more, one of them above 0.
    temperature : float
        Of gram and ranking.
    prefixes : list of int
        Shorter vectors that are trained as well: the first so many numbers.
    epochs, batch, seed : int
    learning_rate, table_rate : float
        Of the network (AdamW) and the table (sparse Adam), at most; both rise over the first
        twentieth and fall to zero along a cosine.

    Examples
    --------
    >>> Recipe(teacher="lsa", corpus=[Corpus(["a.parquet"])]).width
    192
    """

    teacher: str
    corpus: list[Corpus]
    start: str | None = None
    words: int = 60_000
    pairs: int = 50_000
    buckets: int = 16_384
    frequencies: str | None = None
    width: int = 192
    bits: int = 8
    repair_epochs: int = 1
    hidden: int = 768
    weigh: bool = False
    objectives: dict[str, float] = field(default_factory=lambda: {"cosine": 1.0, "gram": 1.0})
    temperature: float = 0.05
    prefixes: list[int] = field(default_factory=lambda: [64, 128, 256])
    epochs: int = 5
    batch: int = 512
    seed: int = 0
    learning_rate: float = 0.002
    table_rate: float = 0.002

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises
        ------
        ParameterError
        """
        for name in ("words", "width", "hidden", "epochs", "repair_epochs", "batch"):
            if getattr(self, name) < 1:
                raise ParameterError(f"recipe: {name} is {getattr(self, name)}; give 1 or more")
        for name in ("pairs", "buckets", "seed"):
            if getattr(self, name) < 0:
                raise ParameterError(f"recipe: {name} is {getattr(self, name)}; give 0 or more")
        if self.bits not in (4, 8):
            raise ParameterError(f"recipe: bits is {self.bits}; give 8 or 4")
        if not self.corpus:
            raise ParameterError("recipe: there is no [[corpus]] to learn from")
        for one in self.corpus:
            one.check()
        for name in ("temperature", "learning_rate", "table_rate"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise ParameterError(f"recipe: {name} is {value}; give a number above 0")
        for length in self.prefixes:
            if isinstance(length, bool) or not isinstance(length, int) or length < 1:
                raise ParameterError(f"recipe: prefixes has {length!r}; give whole numbers above 0")
        self._check_objectives()
        if self.start:
            plain = {one.name: one.default for one in fields(self)}
            _refuse_started(name for name in STARTED if getattr(self, name) != plain[name])

    def _check_objectives(self) -> None:
        for name, weight in self.objectives.items():
            if name not in OBJECTIVE_NAMES:
                raise ParameterError(
                    f"recipe: objective {name!r}; {nearest(name, OBJECTIVE_NAMES)}"
                )
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not (number and isfinite(weight) and weight >= 0):
                raise ParameterError(
                    f"recipe: objective {name} has weight {weight!r}; give a number, 0 or more"
                )
        if not any(weight > 0 for weight in self.objectives.values()):
            raise ParameterError("recipe: every objective has weight 0; give one of them more")


def need_file(path: str, name: str) -> None:
    """Refuse a file of a recipe that is not there.

    Raises
    ------
    SourceError

    Examples
    --------
    >>> need_file("none.npy", "vectors")
    Traceback (most recent call last):
    isogloss._core.errors.SourceError: recipe: there is no file none.npy, which vectors names
    """
    if not Path(path).is_file():
        raise SourceError(f"recipe: there is no file {path}, which {name} names")


def _refuse_started(names: Iterable[str]) -> None:
    for name in names:
        raise ParameterError(
            f"recipe: {name} has no effect with start, whose encoder has its own: leave {name} out"
        )


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; its files are found relative to it.

    Raises
    ------
    ParameterError
        For a file that is not there or no TOML, and for unknown or ill-typed entries.
    SourceError
        For a file of `frequencies` that is not there, besides `start`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.toml"
    >>> _ = path.write_text('teacher = "lsa"' + chr(10) + 'corpus = [{files = ["a.csv"]}]')
    >>> read_recipe(path).corpus[0].files[0].endswith("a.csv")
    True
    """
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ParameterError(f"recipe {path} cannot be read: {error}") from error
    kind = value.pop("kind", "lexical")
    if kind != "lexical":
        raise ParameterError(f"recipe {path}: kind {kind!r}; {nearest(str(kind), ['lexical'])}")
    rows = value.pop("corpus", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ParameterError(f"recipe {path}: write [[corpus]] before each corpus")
    corpora = []
    for row in rows:
        known = _checked(path, row, Corpus, "corpus.")
        for name in ("files", "vectors"):
            known[name] = [_place(path, item) for item in known.get(name, [])]
        corpora.append(Corpus(**known))
    known = _checked(path, value, Recipe, "")
    if "frequencies" in known:
        known["frequencies"] = _place(path, known["frequencies"])
    if known.get("start"):
        if "frequencies" in known:
            need_file(known["frequencies"], "frequencies")
        _refuse_started(name for name in STARTED if name in known)
    recipe = Recipe(corpus=corpora, **known)
    recipe.check()
    return recipe


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "teacher": ((str,), "a string"), "text": ((str,), "a string"), "split": ((str,), "a string"),
    "frequencies": ((str,), "a string"), "start": ((str,), "a string"),
    "files": ((list,), "a list of strings"),
    "vectors": ((list,), "a list of strings"), "prefixes": ((list,), "a list of numbers"),
    "objectives": ((dict,), "a table of weights"),
    "temperature": ((int, float), "a number"), "learning_rate": ((int, float), "a number"),
    "table_rate": ((int, float), "a number"), "weigh": ((bool,), "true or false"),
}  # fmt: skip


def _place(recipe: Path, name: str) -> str:
    """Find a file that a recipe names: relative to it, or to a variable of the environment."""
    first, _, rest = name.partition("/")
    if not first.startswith("$"):
        return str((recipe.resolve().parent / name).resolve())
    folder = os.environ.get(first[1:])
    if not folder:
        raise ParameterError(
            f"recipe {recipe} reads {name}: set the variable {first[1:]} to the folder of its data"
        )
    return str((Path(folder) / rest).resolve())


def _checked(path: Path, given: dict[str, Any], kind: type, prefix: str) -> dict[str, Any]:
    names = [one.name for one in fields(kind) if one.name != "corpus"]
    for name, value in given.items():
        if name not in names:
            raise ParameterError(f"recipe {path}: {prefix}{name}: {nearest(name, names)}")
        types, what = _KINDS.get(name, ((int,), "a whole number"))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ParameterError(f"recipe {path}: {prefix}{name} is {value!r}; give {what}")
        parts = value if isinstance(value, list) else []
        if what == "a list of strings" and not all(isinstance(part, str) for part in parts):
            raise ParameterError(f"recipe {path}: {prefix}{name} is {value!r}; give {what}")
    needed = {"files"} if kind is Corpus else {"teacher"}
    for name in sorted(needed - set(given)):
        raise ParameterError(f"recipe {path}: {prefix}{name} is missing")
    return dict(given)
