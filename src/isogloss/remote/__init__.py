"""An atlas in a server: pushed to Qdrant or PostgreSQL, and searched there as it is on disk."""
