"""Response objects of model APIs: what was answered, and the figures beside it."""

import json

import pytest

from agentdbg.vocabulary.responses import answers, figures, usage


def said(text, **more):
    return [{"role": "assistant", "parts": [{"type": "text", "text": text}], **more}]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]},
            said("hi", finish_reason="stop"),
        ),
        ({"choices": [{"text": "hi", "finish_reason": None}]}, said("hi")),
        (
            {
                "object": "response",
                "output": [
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
                ],
            },
            said("hi"),
        ),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"},
            said("hi", finish_reason="end_turn"),
        ),
        (
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}]},
            said("hi", finish_reason="stop"),
        ),
        ({"generations": [[{"text": "hi", "message": {"type": "ai", "data": {"content": "hi"}}}]]}, said("hi")),
        ({"generations": [[{"text": "hi"}]]}, said("hi")),
        ("hi", said("hi")),
        (None, None),
        ({"answer": 7}, said('{"answer":7}')),
    ],
)
def test_answers(response, expected):
    assert answers(response) == expected
    if isinstance(response, dict):
        assert answers(json.dumps(response)) == answers(response) or "answer" in response


def test_figures():
    told = {
        "id": "r1",
        "model": "gpt-4o-1",
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }
    assert figures(told) == {
        "model": "gpt-4o-1",
        "response_id": "r1",
        "finish_reason": "stop",
        "input_tokens": 9,
        "output_tokens": 1,
    }
    assert figures(json.dumps(told)) == figures(told)
    assert figures("hi") == figures(None) == figures([]) == {}
    assert figures({"model": {"a": 1}, "id": [7]}) == {}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            (10, 2, 4, None, 1),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 2,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            (10, 2, 4, None, 1),
        ),
        (
            {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5},
            (10, 2, 4, 5, None),
        ),
        (
            {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
            (10, 2, 0, 0, None),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "cachedContentTokenCount": 4},
            (10, 5, 4, None, 3),
        ),
        ({"inputTokens": 10, "outputTokens": 2}, (10, 2, None, None, None)),
        (
            {"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2, "reasoning_output_tokens": 1},
            (10, 2, 4, None, 1),
        ),
        ({"input_tokens": -1, "output_tokens": "many"}, (None, None, None, None, None)),
        (None, (None, None, None, None, None)),
        ("none", (None, None, None, None, None)),
    ],
)
def test_usage(told, expected):
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
    assert tuple(usage(told).get(name) for name in names) == expected
    assert None not in usage(told).values()
