"""Read authors, threads and answers off the raw text of newsgroup posts."""

import re

__all__ = ["addressee_of", "author_of", "thread_of"]

_FROM = re.compile(r"^From:[ \t]*(.*)$", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9_.%+=/-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_REPLY = re.compile(r"^(?:\s*re\s*(?:\[\d+\]|\^\d+)?\s*:)+", re.IGNORECASE)
# "In article <1993Apr5.1@host>, ann@host (Ann) writes:"; the id in angles is no address.
_WRITES = re.compile(r"^(?![>|:]).{0,200}?\b(?:writes|wrote|said|says)\b", re.DOTALL)
_ID = re.compile(r"<[^<>\s]*>")
_HEAD = 12  # lines of the body in which the quoting line stands


def author_of(text: str) -> str | None:
    r"""Give the address in the line From, lower case; the whole line where it has none.

    Examples
    --------
    >>> author_of("From: Ann@Host.edu (Ann)\nSubject: x\n\nhello")
    'ann@host.edu'
    """
    found = _FROM.search(text)
    if found is None:
        return None
    address = _ADDRESS.search(found[1])
    name = address[0] if address else " ".join(found[1].split())
    return name.lower() or None


def thread_of(subject: str | None) -> str | None:
    """Give a subject without "Re:", lower case.

    Examples
    --------
    >>> thread_of("Re: RE: Cats  and dogs")
    'cats and dogs'
    """
    plain = " ".join(_REPLY.sub("", subject or "").split()).lower()
    return plain or None


def addressee_of(text: str) -> str | None:
    r"""Give the address of whom a post quotes first, by a line such as "ann@host (Ann) writes:".

    Examples
    --------
    >>> addressee_of("From: b@x\n\nIn article <1@y>, Ann@Host.edu (Ann) writes:\n> hi\n")
    'ann@host.edu'
    """
    lines = text.partition("\n\n")[2].splitlines()[:_HEAD]
    for place, line in enumerate(lines):
        # The line may be broken once.
        near = line if "writ" in line else " ".join(lines[place : place + 2])
        found = _WRITES.match(near)
        if found and line.strip():
            # What stands in angles is the number of an article, unless nothing else is there.
            named = _ADDRESS.findall(_ID.sub(" ", found[0])) or _ADDRESS.findall(found[0])
            return str(named[-1]).lower() if named else None
    return None
