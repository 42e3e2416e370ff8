"""How many of what, in words: one of a thing is not called by its plural."""


def plural(count: int, noun: str, many: str = "") -> str:
    """Say how many.

    Parameters
    ----------
    count : int
    noun : str
        What one of them is called.
    many : str
        What several are called, where it is not the noun and an s.

    Examples
    --------
    >>> plural(1, "row"), plural(2000, "row"), plural(0, "query", "queries")
    ('1 row', '2,000 rows', '0 queries')
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def of_all(some: int, count: int, noun: str, many: str = "") -> str:
    """Say how many of all.

    Parameters
    ----------
    some, count : int
    noun, many : str
        As in `plural`.

    Examples
    --------
    >>> of_all(3, 2000, "row"), of_all(0, 1, "row")
    ('3 of 2,000 rows', '0 of 1 row')
    """
    return f"{some:,} of {plural(count, noun, many)}"
