"""Draws events on stderr: one moving line on a terminal, plain lines elsewhere."""

import os
import sys
import time
from typing import TextIO

from isogloss._core.events import Event
from isogloss._core.plural import plural

# Seconds between two lines of one stage where stderr is no terminal.
PLAIN_PAUSE = 5.0
TERMINAL_PAUSE = 0.1


def format_seconds(seconds: float) -> str:
    """Write a duration for people.

    Examples
    --------
    >>> format_seconds(4.2), format_seconds(75), format_seconds(7300)
    ('4s', '1m15s', '2h01m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def _one(unit: str) -> str:
    """Give what one of a unit is called."""
    return unit.removesuffix("ies") + "y" if unit.endswith("ies") else unit.removesuffix("s")


class Progress:
    """Shows the progress of stages, with an estimate of what remains.

    Parameters
    ----------
    quiet : bool
        Show warnings only.
    stream : text stream or None
        Where to write; None is stderr.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> show = Progress(stream=out)
    >>> show(Event("encode", 5, 10, "passages"))
    >>> "encode: 5 of 10 passages" in out.getvalue()
    True
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._stage = ""
        self._began = 0.0
        self._began_at = 0
        self._shown = 0.0
        self._open_line = False

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.level == "warning":
            self._line(f"warning: {event.message}")
            return
        if self._quiet:
            return
        if event.level == "info":
            self._line(event.message)
            return
        now = time.monotonic()
        if event.stage != self._stage:
            self.close()
            self._stage, self._began, self._shown = event.stage, now, 0.0
            self._began_at = event.done
        finished = event.total is not None and event.done >= event.total
        pause = TERMINAL_PAUSE if self._terminal else PLAIN_PAUSE
        if finished or now - self._shown >= pause:
            self._shown = now
            self._draw(self._text(event, now), final=finished)

    def close(self) -> None:
        """End the moving line."""
        if self._open_line:
            self._stream.write("\n")
            self._stream.flush()
            self._open_line = False

    def _text(self, event: Event, now: float) -> str:
        spent = now - self._began
        text = event.stage
        if event.total is not None and event.total > 1:
            text += f": {event.done:,} of {event.total:,} {event.unit}".rstrip()
            fresh = event.done - self._began_at
            if event.done >= event.total:
                text += f", {format_seconds(spent)}" if spent >= 1 else ""
            elif fresh > 0 and spent > 0.5:
                text += f", {format_seconds(spent / fresh * (event.total - event.done))} left"
        elif event.done and event.unit:
            text += f": {plural(event.done, _one(event.unit), event.unit)}"
        return text + (f" ({event.message})" if event.message else "")

    def _draw(self, text: str, *, final: bool) -> None:
        if not self._terminal:
            self._stream.write(f"isogloss: {text}\n")
            self._stream.flush()
            return
        self._stream.write(f"\r\x1b[2K{text}")
        self._open_line = True
        if final:
            self.close()
        self._stream.flush()

    def _line(self, text: str) -> None:
        if self._open_line:
            self._stream.write("\r\x1b[2K")
            self._open_line = False
        self._stream.write(f"isogloss: {text}\n")
        self._stream.flush()
