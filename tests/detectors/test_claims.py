"""Numbers, and what they are numbers of."""

from __future__ import annotations

import pytest

from agentdbg.detectors.claims import claims


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The load is 310 MW.", "A load of 450 MW.", True),
        ("The load is 310 MW.", "The price is 450 EUR.", False),
        ("It costs €310 a month.", "310 euros a month is what it costs.", True),
        ("In 2030 the load is 310 MW.", "In 2035 the load is 450 MW.", False),
        ("The load of Ulm is 310 MW.", "The load of Bonn is 450 MW.", False),
        ("Row 7 costs 12.25.", "Row 9 costs 18.75.", False),
        ('{"load": 310}', '{"load": 450}', True),
        ('{"load": 310}', '{"price": 450}', False),
        ('{"site": "Ulm", "load": 310}', '{"site": "Bonn", "load": 450}', False),
        ('{"site": "Ulm", "load": 310, "source": "meter"}', '{"site": "Ulm", "load": 450, "source": "bill"}', True),
        ('{"load": 310}', "The load is 450.", True),
    ],
)
def test_two_claims_are_of_one_thing(one: str, other: str, same: bool) -> None:
    assert claims(one)[-1].is_of(claims(other)[-1] if "310 euros" not in other else claims(other)[0]) is same
