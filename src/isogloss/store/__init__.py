"""The atlas folder: manifest, work in progress, and the Lance table of passages."""
