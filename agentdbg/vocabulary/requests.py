"""What is sent to a model beside the messages, by the names that the APIs have for it."""

from __future__ import annotations

PARAMETERS = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "seed",
    "stop",
    "stop_sequences",
    "n",
    "tool_choice",
    "parallel_tool_calls",
    "frequency_penalty",
    "presence_penalty",
    "response_format",
    "reasoning",
    "reasoning_effort",
    "logit_bias",
    "stream",
]
REQUEST = frozenset([*PARAMETERS, "model", "tools", "functions"])
