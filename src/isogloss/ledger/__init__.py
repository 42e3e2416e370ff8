"""The ledger: what the paper of each research system claims, and what was measured here."""

from isogloss.ledger.run import listing, reproduce
from isogloss.ledger.system import Context, Figure, Outcome, PaperFigure, System

__all__ = ["Context", "Figure", "Outcome", "PaperFigure", "System", "listing", "reproduce"]
