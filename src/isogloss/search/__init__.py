"""Ranked answers: filters, exact vector search, full text, and both together."""
