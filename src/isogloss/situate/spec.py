"""From a name to a situator."""

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss._core.errors import EncoderError, nearest

if TYPE_CHECKING:
    from isogloss.situate.base import Situator

__all__ = ["NAMES", "load_situator"]

NAMES = ("chunk", "window", "prefix", "late")


def load_situator(
    name: str,
    *,
    encoder: str | None = None,
    before: int = 1,
    after: int = 1,
    window: int | None = None,
    threads: int | None = None,
    offline: bool | None = None,
) -> "Situator":
    """Load the situator that a name or a folder says.

    ==========  ================================================================================
    name        each chunk is read
    ==========  ================================================================================
    ``chunk``   alone: the baseline
    ``window``  as one text with its neighbours: a bigger chunk, the other baseline
    ``prefix``  after a line of the document's title, first sentence and keywords
    ``late``    within its document, in one long pass, and pooled from its own tokens
    a folder    as `train_residual` trained it
    ==========  ================================================================================

    Parameters
    ----------
    name : str
        See the table.
    encoder : str, optional
        Spec of the encoder; ``lexical`` by default. ``late`` needs the name of a transformers
        model that pools by mean. A folder knows its own.
    before, after : int
        Neighbours of ``window``.
    window : int, optional
        Tokens that ``late`` reads at once.
    threads : int, optional
    offline : bool, optional
        As in `load_encoder`.

    Returns
    -------
    Situator

    Raises
    ------
    EncoderError
        When the name is none, or the encoder cannot be loaded or used for it.
    ParameterError, MissingExtra
        As from the situator itself.

    Examples
    --------
    >>> load_situator("window", before=2).spec
    'window of lexical'
    >>> load_situator("lat")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.EncoderError: there is no situator 'lat'; did you mean 'late'? A trained \
one is named by its folder
    """
    from isogloss.encoders.spec import load_encoder, parse_spec

    if name in ("chunk", "window", "prefix"):
        from isogloss.situate.plain import BiggerChunk, ChunkOnly
        from isogloss.situate.prefix import PrefixedChunk

        if encoder is not None and parse_spec(encoder) == ("lsa", ""):
            raise EncoderError(
                "encoder 'lsa' is fitted on the texts themselves: give 'lsa:FOLDER' or another"
            )
        base = load_encoder(encoder or "lexical", threads=threads, offline=offline)
        if name == "window":
            return BiggerChunk(base, before=before, after=after)
        return ChunkOnly(base) if name == "chunk" else PrefixedChunk(base)
    if name == "late":
        from isogloss.situate.late import LateChunking
        from isogloss.situate.model import TokenModel

        if encoder is None or parse_spec(encoder)[0] != "model":
            raise EncoderError(
                "late chunking reads tokens of a transformers model, not of "
                f"{encoder or 'lexical'!r}: name one as the encoder, such as "
                "sentence-transformers/all-MiniLM-L6-v2"
            )
        model = TokenModel(encoder, window=window, threads=threads, offline=offline)
        return LateChunking(model)
    if isinstance(name, str) and name.strip() and Path(name).expanduser().is_dir():
        from isogloss.situate.residual import ResidualSituator

        if encoder is not None:
            raise EncoderError(f"{name!r} knows its own encoders: leave the encoder out")
        return ResidualSituator.load(name, threads=threads, offline=offline)
    hint = nearest(str(name), NAMES)
    mark = "" if hint.endswith("?") else "."
    raise EncoderError(
        f"there is no situator {name!r}; {hint}{mark} A trained one is named by its folder"
    )
