"""OpenAI Responses, as clients speak it."""
