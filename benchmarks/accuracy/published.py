"""What language models reached on the same data, as published. Other subsets of the same runs than ours: ours are the
runs that the folder holds."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[str, float]
PUBLISHED: Mapping[str, Mapping[str, Figures]] = {
    "Who&When algorithm-generated": {
        "GPT-4o, all at once": {"agent": 0.511, "step": 0.135},
        "GPT-4o, step by step": {"agent": 0.260, "step": 0.153},
        "GPT-4o, binary search": {"agent": 0.301, "step": 0.166},
        "A2P (many calls)": {"step": 0.475},
        "GPT-5.5, reported by others": {"step": 0.548},
    },
    "Who&When hand-crafted": {
        "GPT-4o, all at once": {"agent": 0.534, "step": 0.035},
        "GPT-4o, step by step": {"agent": 0.328, "step": 0.088},
        "GPT-4o, binary search": {"agent": 0.362, "step": 0.069},
        "ErrorProbe, reported by others": {"step": 0.218},
    },
    "TRAIL GAIA": {
        "Gemini 2.5 Pro": {"category F1": 0.389, "location": 0.546, "joint": 0.183},
        "o3": {"category F1": 0.296, "location": 0.535, "joint": 0.092},
        "Claude 3.7 Sonnet": {"category F1": 0.254, "location": 0.204, "joint": 0.047},
        "GPT-4.1": {"category F1": 0.218, "location": 0.107, "joint": 0.028},
        "GPT-5.2, reported by others": {"category F1": 0.438, "location": 0.478, "joint": 0.186},
    },
    "TRAIL SWE Bench": {
        "Gemini 2.5 Pro": {"category F1": 0.148, "location": 0.238, "joint": 0.050},
        "GPT-4.1": {"category F1": 0.166, "location": 0.0, "joint": 0.0},
    },
    "AgentRx tau-bench retail": {"GPT-5.5, reported by others": {"step": 0.345}},
}
