"""Models behind an OpenAI-compatible server: the connection, the shapes of answers, and what was probed."""
