"""OpenAI Chat Completions, read and written in full, for translating and for passing on."""
