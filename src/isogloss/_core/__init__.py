"""Contracts that every room shares: errors, events, lazy extras, atomic files, seeds."""
