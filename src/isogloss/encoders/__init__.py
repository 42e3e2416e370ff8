"""Text to vectors: float32 (n, d), unit length."""
