"""Names that columns of an atlas have; attributes of these names are renamed when they come in."""

OWN_COLUMNS = (
    "passage", "document", "row", "id", "text", "vector", "topic", "membership", "memberships",
    "content_hash", "path", "_rowid", "_distance", "_score", "_relevance_score",
    "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version",
)  # fmt: skip


def attribute_name(name: str, taken: set[str]) -> str:
    """Give the name under which an attribute is kept.

    Names of our own columns get a trailing underscore; dots, quotes and control characters, which
    a table cannot hold in a name, become underscores; an empty name becomes ``column``.

    Parameters
    ----------
    name : str
        As the source has it.
    taken : set of str
        Names that other attributes have.

    Examples
    --------
    >>> attribute_name("topic", set()), attribute_name("a.b", set()), attribute_name("x", {"x"})
    ('topic_', 'a_b', 'x_')
    """
    plain = "".join("_" if c in '.`"' or not c.isprintable() else c for c in name).strip()
    kept = plain or "column"
    lowered = {other.lower() for other in taken}
    while kept.lower() in OWN_COLUMNS or kept.lower() in lowered:
        kept += "_"
    return kept
