"""Which encoder a build takes when it is told none."""

from dataclasses import replace
from typing import Any

from isogloss._core.events import Event, OnEvent
from isogloss.build.settings import BuildSettings

# Texts that are looked at, and the share of their words that `lexical` must know.
LOOKED_AT, KNOWN_SHARE = 500, 0.5
# Share of these texts that may be foreign to `lexical` without a word about it.
FOREIGN_SHARE = 0.1


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
        Takes a word on the choice where it is not `lexical`, or where many texts are foreign to it.

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
    lexical: Any = load_encoder("lexical")
    known, words = lexical.known_words(texts)
    if known >= KNOWN_SHARE * words:
        foreign = sum(_is_foreign(lexical, text) for text in texts)
        if foreign > FOREIGN_SHARE * len(texts):
            message = (
                f"lexical is for English and knows less than half of the words of {foreign:,} of "
                f"the first {len(texts):,} texts, which will lie close together: --encoder lsa, or "
                "a multilingual model, reads them all"
            )
            on_event(Event("load encoder", message=message, level="warning"))
        return replace(settings, encoder="lexical")
    message = (
        f"encoder: lsa, fitted on these texts (lexical, which is for English, knows "
        f"{known / words:.0%} of their words)"
    )
    on_event(Event("load encoder", message=message, level="info"))
    return replace(settings, encoder="lsa")


def _is_foreign(lexical: Any, text: str) -> bool:
    known, words = lexical.known_words([text])
    return bool(known < KNOWN_SHARE * words)
