"""Which encoder a build takes when it is told none."""

from dataclasses import replace
from typing import Any

from isogloss._core.events import Event, OnEvent
from isogloss.build.settings import BuildSettings

# Texts that are looked at, and the share of their words that `lexical` must know.
LOOKED_AT, KNOWN_SHARE = 500, 0.5


def with_encoder(
    settings: BuildSettings, source: Any, *, used: str | None, on_event: OnEvent
) -> BuildSettings:
    """Give settings that name an encoder.

    Parameters
    ----------
    settings : BuildSettings
    source : Source
        Its first texts tell whether `lexical` speaks their language.
    used : str or None
        The encoder of the atlas that is there, finished or not.
    on_event : callable
        Takes a word on the choice where it is not `lexical`.

    Returns
    -------
    BuildSettings

    Examples
    --------
    >>> from isogloss._core.events import ignore
    >>> with_encoder(BuildSettings(), None, used="lsa", on_event=ignore).encoder
    'lsa'
    """
    if settings.encoder is not None:
        return settings
    if used is not None:
        return replace(settings, encoder=used)
    from isogloss.encoders.spec import load_encoder

    texts = source.first_texts(LOOKED_AT)
    known, words = load_encoder("lexical").known_words(texts)  # type: ignore[attr-defined]
    if known >= KNOWN_SHARE * words:
        return replace(settings, encoder="lexical")
    message = (
        f"encoder: lsa, fitted on these texts (lexical, which is for English, knows "
        f"{known / words:.0%} of their words)"
    )
    on_event(Event("load encoder", message=message, level="info"))
    return replace(settings, encoder="lsa")
