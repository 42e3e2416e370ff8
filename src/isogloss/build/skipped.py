"""Rows that did not become documents: counted by reason, the first ones listed, all on disk."""

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from isogloss._core.files import atomic_path, storage_errors

NAME = "rejects.jsonl"


class RejectLog:
    """Takes rejects as they come and writes them to `rejects.jsonl` beside the atlas.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    listed : int
        Rejects to hold in memory for the report.

    Examples
    --------
    >>> RejectLog(Path("a.atlas"), 10).total
    0
    """

    def __init__(self, folder: Path, listed: int) -> None:
        self._folder = folder
        self._limit = listed
        self._handle: IO[str] | None = None
        self.listed: list[dict[str, Any]] = []
        self.by_reason: dict[str, int] = {}

    @property
    def total(self) -> int:
        """Rows rejected."""
        return sum(self.by_reason.values())

    def __enter__(self) -> "RejectLog":
        with storage_errors("the list of skipped rows"):
            self._handle = self._draft.open("w", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.close()

    def reject(self, item: Any) -> None:
        """Take one reject: anything with `file`, `row` and `reason`."""
        kind = getattr(item, "kind", None) or item.reason
        self.by_reason[kind] = self.by_reason.get(kind, 0) + 1
        record = {"file": item.file, "row": item.row, "reason": item.reason}
        if len(self.listed) < self._limit:
            self.listed.append(record)
        if self._handle is not None:
            with storage_errors("the list of skipped rows"):
                self._handle.write(json.dumps(record, ensure_ascii=False) + "\n")

    def explain_nothing(self, source: str) -> str:
        """Say why no document came out of a source."""
        if not self.total:
            return f"{source} holds no documents"
        first = self.listed[0]
        rows = "the only row was" if self.total == 1 else f"all {self.total:,} rows were"
        return f"{source} holds no documents: {rows} skipped; the first: {first['reason']}"

    def publish(self) -> None:
        """Put the list in its place; without rejects there is none."""
        target = self._folder / NAME
        with storage_errors("the list of skipped rows"):
            if not self.total:
                target.unlink(missing_ok=True)
                return
            with atomic_path(target) as path:
                path.write_bytes(self._draft.read_bytes())

    @property
    def _draft(self) -> Path:
        return self._folder / "work" / NAME
