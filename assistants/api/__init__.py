"""The API for programs, in the form of OpenAI's chat completions: docs/api.md."""
