"""MTEB both ways: our encoders and searches in mteb 2, and local data as tasks of its kinds.

Needs the extra ``mteb``. Nothing here is imported by other rooms.
"""
