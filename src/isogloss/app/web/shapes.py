"""Shapes of what the API takes and gives, for checks of requests and for its description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# What one request may ask for; GET /api/atlas tells them to clients.
LIMITS = {
    "k": 500,
    "text": 20_000,
    "hit_text": 600,
    "selection_rows": 200,
    "polygon_corners": 500,
    "document_passages": 50,
    "query": 10_000,
    "where": 20_000,
    "name": 200,
    "categories": 50,
}

Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Corner = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
# Longer ones come in and are told by the library, spaces around them do not count.
Name = Annotated[
    str,
    Field(
        max_length=1000,
        description="one line, at most 200 characters without the spaces around it, no control "
        "characters; an empty one takes the name away",
    ),
]
TopicId = Annotated[int, Field(ge=-1, le=2**31 - 1)]
Version = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Model(BaseModel):
    """A reply: fields may be added, never renamed."""


class Given(BaseModel):
    """A request: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Error(Model):
    """What went wrong."""

    message: str = Field(description="one line for people")
    kind: str = Field(description="one word for programs, such as not_found, bad_request, stale")


class ErrorReply(Model):
    """Every answer with a status of 400 or above."""

    error: Error


class EncoderAbout(Model):
    """The encoder that made the vectors."""

    spec: str
    dim: int


class TileAbout(Model):
    """A tile that holds points."""

    z: int
    x: int
    y: int
    points: int


class MapAbout(Model):
    """The map: its square, and its tiles."""

    bounds: list[float] = Field(min_length=4, max_length=4)
    levels: int
    tiles: list[TileAbout]


class AttributeAbout(Model):
    """An attribute of the documents."""

    name: str
    type: str = Field(description="its Arrow type")
    kind: Literal["category", "number", "time", "text", "list", "other"]
    distinct: int | None = Field(description="different values, where they were counted")


class AtlasReply(Model):
    """The atlas as it is now."""

    name: str
    passages: int
    documents: int
    topics: int = Field(description="leaf topics")
    version: int
    encoder: EncoderAbout
    editable: bool
    unassigned: int
    map: MapAbout
    attributes: list[AttributeAbout]
    undo: bool
    redo: bool
    limits: dict[str, int]


class TopicAbout(Model):
    """A topic of the tree."""

    id: int
    parent: int | None
    depth: int
    size: int
    label: str
    keywords: list[str]
    exemplars: list[int]
    persistence: float
    place: list[float | None] = Field(description="where its passages are densest")
    spread: float | None = Field(description="radius that holds half of them")
    path: list[int] = Field(description="ids from the root to it")


class TopicsReply(Model):
    """The tree of topics."""

    version: int
    passages: int
    unassigned: int
    topics: list[TopicAbout]


class HitAbout(Model):
    """A passage that was found."""

    id: str | int
    passage: int
    score: float
    text: str = Field(description="its first 600 characters")
    text_length: int
    attributes: dict[str, Any]
    topic: int
    path: list[int]
    x: float
    y: float


class SearchReply(Model):
    """Hits, best first."""

    version: int
    hits: list[HitAbout]
    strategy: str
    seconds: float


class PassageReply(Model):
    """A passage, its text cut to 20,000 characters."""

    version: int
    passage: int
    id: str | int
    document: int
    text: str
    text_length: int
    attributes: dict[str, Any]
    topic: int
    path: list[int]
    membership: float | None
    x: float
    y: float


class TextReply(Model):
    """A part of a passage's text; offsets count Unicode code points."""

    version: int
    text: str
    start: int
    text_length: int


class DocumentPassage(Model):
    """A passage of a document."""

    passage: int
    position: int
    text: str
    text_length: int
    current: bool


class DocumentReply(Model):
    """The passages around one, in its document."""

    version: int
    document: int
    passages: list[DocumentPassage]
    of: int = Field(description="passages of the document")


class CategoryAbout(Model):
    """A value of an attribute; its place in the list is its code."""

    value: str | bool | int
    count: int


class AttributeReply(Model):
    """An attribute: what its codes in tiles mean."""

    version: int
    name: str
    kind: str
    type: str
    categories: list[CategoryAbout]
    others: int = Field(description="passages with another value")
    nulls: int
    low: float | int | str | None = Field(description="whole numbers beyond 2**53 are strings")
    high: float | int | str | None
    quantiles: list[float] = Field(description="21 of them, in 0..1 between low and high")


class SelectionRow(Model):
    """A passage of a selection."""

    passage: int
    id: str | int
    text: str
    text_length: int
    topic: int
    path: list[int]
    attributes: dict[str, Any]
    x: float
    y: float


class TopicCount(Model):
    """Passages of a leaf topic; -1 stands for none."""

    topic: int
    count: int


class SelectionReply(Model):
    """How many passages were selected, and a page of them."""

    version: int
    count: int
    rows: list[SelectionRow]
    next: int | None
    topics: list[TopicCount]


class EditAbout(Model):
    """An edit that was made."""

    kind: str
    what: str
    when: str
    undone: bool = False


class EditsReply(Model):
    """The edits that can be undone or redone."""

    version: int
    edits: list[EditAbout]
    undo: str | None
    redo: str | None


class TopicPair(Model):
    """What became of a topic."""

    old: int
    new: int | None


class EditedReply(Model):
    """The version that an edit made."""

    version: int
    topics: list[TopicPair]


class Spread(Model):
    """Topics over time or by class, as `isogloss topics --over --json` prints them."""

    model_config = ConfigDict(extra="allow")

    version: int
    column: str
    missing: int
    level: float
    topics: list[dict[str, Any]]


class Health(Model):
    """The server is there."""

    status: str


class SearchGiven(Given):
    """A search."""

    query: str = Field(max_length=LIMITS["query"])
    k: int = Field(10, ge=1, le=LIMITS["k"])
    mode: Literal["hybrid", "vector", "text"] = "hybrid"
    where: str | None = Field(default=None, max_length=LIMITS["where"])
    topic: TopicId | None = None


class SelectionParts(Given):
    """Which passages: all parts that are given must hold."""

    polygon: list[Corner] | None = Field(
        default=None,
        min_length=3,
        max_length=LIMITS["polygon_corners"],
        description="in map coordinates",
    )
    topic: TopicId | None = Field(default=None, description="with all below it; -1: in no topic")
    where: str | None = Field(default=None, max_length=LIMITS["where"])
    passages: list[Number] | None = Field(
        default=None, description="numbers; unknown ones are left out"
    )


class SelectionGiven(SelectionParts):
    """A selection, and which page of it."""

    offset: Number = 0
    limit: int = Field(50, ge=0, le=LIMITS["selection_rows"])


class RenameGiven(Given):
    """Give a topic a name; an empty one takes it away."""

    version: Version
    kind: Literal["rename"]
    topic: Number
    name: Name


class MergeGiven(Given):
    """Make topics one leaf."""

    version: Version
    kind: Literal["merge"]
    topics: list[Number] = Field(min_length=1, max_length=10_000)


class SplitGiven(Given):
    """Split a leaf topic."""

    version: Version
    kind: Literal["split"]
    topic: Number
    into: Annotated[int, Field(ge=2, le=1000)] | None = None


EditGiven = Annotated[RenameGiven | MergeGiven | SplitGiven, Field(discriminator="kind")]


class VersionGiven(Given):
    """The version that the client saw."""

    version: Version
