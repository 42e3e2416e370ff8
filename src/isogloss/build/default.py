"""Which encoder a build takes when it is told none."""

from dataclasses import replace
from typing import Any

from isogloss._core.events import Event, OnEvent
from isogloss.build.settings import BuildSettings
from isogloss.text.stopwords import language_of
from isogloss.text.tokens import tokens_of

# Texts that are looked at, and the share of their words that `lexical` must know.
LOOKED_AT, KNOWN_SHARE = 500, 0.5
# Characters of a text that are looked through for function words.
LOOKED_INTO = 300
# Share of these texts that may be foreign to `lexical`: without a word about it, and at all.
FOREIGN_SHARE, MOST_FOREIGN = 0.1, 0.5


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
    foreign = sum(is_foreign(lexical, text) for text in texts)
    if known >= KNOWN_SHARE * words and foreign <= MOST_FOREIGN * len(texts):
        if foreign > FOREIGN_SHARE * len(texts):
            message = (
                f"lexical is for English, and {foreign:,} of the first {len(texts):,} texts are in "
                "another language, or it knows less than half of their words; they will lie close "
                "together: --encoder lsa, or a multilingual model, reads them all"
            )
            on_event(Event("load encoder", message=message, level="warning"))
        return replace(settings, encoder="lexical")
    message = (
        f"encoder: lsa, fitted on these texts (lexical, which is for English, knows "
        f"{known / words:.0%} of their words, and {foreign:,} of the first {len(texts):,} texts "
        "are foreign to it)"
    )
    on_event(Event("load encoder", message=message, level="info"))
    return replace(settings, encoder="lsa")


def is_foreign(lexical: Any, text: str) -> bool:
    """Tell whether a text has the function words of another language, or words without a row.

    Names and borrowed words have rows: `lexical` has one for two in three words of plain French.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> lexical = load_encoder("lexical")
    >>> is_foreign(lexical, "le chat est sur la table"), is_foreign(lexical, "the cat sat")
    (True, False)
    """
    known, words = lexical.known_words([text])
    if known < KNOWN_SHARE * words:
        return True
    return language_of(tokens_of(text[:LOOKED_INTO])) not in ("en", None)
