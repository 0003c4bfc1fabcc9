"""Why an answer ended, as servers of Chat Completions spell it in ``finish_reason``."""

from collections.abc import Mapping
from typing import Final

from ccflared.formats.errors import Told
from ccflared.formats.events import StopReason

REASONS: Final[Mapping[str, StopReason]] = {
    "stop": "end",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Z.ai
    "content_filter": "refusal",
    "sensitive": "refusal",  # Z.ai
}
"""What a finish reason means; any other is an end. Whether tools are called is told by the calls."""

BREAKS: Final[Mapping[str, Told]] = {
    "error": Told("api_error", "The upstream broke off its answer with an error."),
    "network_error": Told("api_error", "The upstream broke off its answer: network_error."),  # Z.ai
    "abort": Told("api_error", "The upstream aborted its answer."),  # SGLang
    "insufficient_system_resource": Told(  # DeepSeek
        "overloaded_error", "The upstream broke off its answer: insufficient_system_resource.", status=503
    ),
}
"""Finish reasons that say that the answer is no whole one."""
