"""Changing encoders: maps between the vectors of two, how good they are, and training with care."""

from isogloss.drift.compensation import Compensation, Side
from isogloss.drift.diagnosis import Diagnosis
from isogloss.drift.fit import fit_compensation
from isogloss.drift.history import DriftHistory

__all__ = ["Compensation", "Diagnosis", "DriftHistory", "Side", "fit_compensation"]
