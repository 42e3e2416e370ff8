"""`isogloss serve`: embeddings as the common contract has them, and an atlas for tools (MCP)."""
