"""One file a system, named after its id with underscores; each defines ``SYSTEM``."""
