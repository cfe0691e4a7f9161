"""A text in, the same without secrets out; and what only looks like one stays."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("detect_secrets", reason="the extra `redact` is not installed")
pytest.importorskip("phonenumbers")
pytest.importorskip("stdnum")

from agentdbg import redact
from agentdbg.errors import AgentdbgError
from agentdbg.redact import Redactor

# Each is made up; pieces are put together here, so that no scanner takes this file for a leak.
PLANTED = {
    "OpenAI project": ("secret", "sk-" + "proj-abc123DEF456ghi789JKL012mno345PQR678stu901VWX"),
    "OpenAI": ("secret", "sk-" + "abcdefghijklmnopqrstuvwxyz123456"),
    "Anthropic": ("secret", "sk-" + "ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-abc_AA"),
    "Google": ("secret", "AI" + "zaSyA1234567890abcdefghijklmnopqrstuv"),
    "AWS": ("secret", "AKIA" + "IOSFODNN7EXAMPLE"),
    "GitHub": ("secret", "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"),
    "GitHub, fine-grained": ("secret", "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz"),
    "GitLab": ("secret", "glpat-" + "abcdefghij1234567890"),
    "Slack": ("secret", "xoxb-" + "123456789012-123456789012-abcdefghijklmnopqrstuvwx"),
    "Stripe": ("secret", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"),
    "Hugging Face": ("secret", "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    "npm": ("secret", "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789"),
    "Groq": ("secret", "gsk_" + "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn"),
    "xAI": ("secret", "xai-" + "abcdefghijklmnopqrstuvwxyz0123456789"),
    "LangSmith": ("secret", "lsv2_pt_" + "abcdef0123456789abcdef0123456789_abcdef0123"),
    "SendGrid": ("secret", "SG." + "abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
    "Twilio": ("secret", "SK" + "0123456789abcdef0123456789abcdef"),
    "JWT": ("jwt", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    "private key": ("private_key", "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----"),
    "e-mail": ("email", "ann.lee+x@mail.example.co.uk"),
    "phone abroad": ("phone", "+49 30 901820"),
    "phone in one": ("phone", "+14155550132"),
    "phone at home": ("phone", "(415) 555-0132"),
    "phone with dashes": ("phone", "415-555-0132"),
    "Visa": ("card", "4111 1111 1111 1111"),
    "Mastercard": ("card", "5500005555555559"),
    "American Express": ("card", "378282246310005"),
    "IBAN": ("iban", "DE89 3704 0044 0532 0130 00"),
    "IBAN in one": ("iban", "GB82WEST12345698765432"),
    "SSN": ("ssn", "078-05-1120"),
}  # fmt: skip
AROUND = {
    "prose": "please use {} for this",
    "end of a sentence": "It is {}.",
    "JSON": '{{"note": "see {}", "n": 1}}',
    "JSON in JSON in JSON": json.dumps({"a": json.dumps({"b": json.dumps({"c": "see XX"})})}).replace("{", "{{").replace("}", "}}").replace("XX", "{}"),
    "beside ids": '{{"id": "call_7e0e81f1fa7e41ae8a85", "span": "7d4ee4e7ea8984db", "text": "{} 7d4ee4e7ea8984db"}}',
    "JSON in prose": 'It said {{"x": "a\\\\n{}"}}, I think.',
}  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("planted", PLANTED)
def test_no_secret_survives(planted: str, around: str) -> None:
    kind, secret = PLANTED[planted]
    if "JSON" in around and "\n" in secret:
        secret = secret.replace("\n", " ")
    text = AROUND[around].format(secret)
    hidden = Redactor().text(text)
    assert secret not in hidden
    assert hidden == text.replace(secret, f"<{kind}:1>")


def test_a_private_key_that_is_cut_is_hidden_to_the_end() -> None:
    cut = "-----BEGIN PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEAabc"
    assert Redactor().text(f"It is {cut}") == "It is <private_key:1>"


@pytest.mark.parametrize(
    "text",
    [
        "order 4155552671 of 2026-11-20 10:15:30, at 1795159398, 1795159398967 and 1795159398967074112",
        "span 7d4ee4e7ea8984db of trace 371e6f5929d6e6920c2f0d3a775b7e3e, call_7e0e81f1fa7e41ae8a85, toolu_01A09q90qw90lq917835lq9",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, uuid 123e4567-e89b-12d3-a456-426614174000",
        "192.168.1.10:8080, v1.2.3, $1,234,567.89, 0.4111111111111111, 12 + 34 = 46, 50-100-1500",
        "4111111111111112 is no card, and DE89370400440532013001 no account",
        "2024-01-02T03:04:05+01:00, UTC+0100, +1234, C++17",
        "git@github.com:org/project.git and langchain@1.2.3",
        "password: required, the token is missing, Bearer of bad news, basic understanding of secrets",
        '{"max_tokens": 100, "token_count": 7, "input_tokens": 20, "password": null, "api_key": ""}',
        '{"name": "login", "parameters": {"properties": {"password": {"type": "string"}}, "required": ["password"]}}',
        "connect(password=password, api_key=os.environ['API_KEY'], token=get_token())",
        "TOKEN=$CI_TOKEN make; API_KEY=$(cat key); PASSWORD=required; MAX_TOKENS=4096",
        "{'password': 'string', 'api_key': None, 'token': 'required'}",
        '{"required": ["password", "username"], "phone": "unknown", "pair": ["token", "count"]}',
        "https://x.io/?sort_key=created_at&page=12345678&id=550e8400-e29b-41d4-a716-446655440000&token_count=12345678",
        "the <token> tag, <password></password>, --max-tokens 100000, --token-count 12345",
        "50%40 off, 20% off, a cookie: it is sweet",
        "sk-learn-is-a-library-for-python, task-list, risk-based-approach-to-life",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer <secret:1>"),
        ('{"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}', '{"Authorization": "Basic <secret:1>"}'),
        ('curl -H "Authorization: token abcdef123456"', 'curl -H "Authorization: token <secret:1>"'),
        ("postgres://app:s3cr3t@db.internal:5432/x", "postgres://app:<secret:1>@db.internal:5432/x"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "aws_secret_access_key = <secret:1>"),
        ("with password hunter2-x, twice", "with password <secret:1>, twice"),
        ("the password is hunter2!", "the password is <secret:1>!"),
        ('{"clientSecret":"correct horse"}', '{"clientSecret":"<secret:1>"}'),
        ('{"card": 4111111111111111, "n": 4111111111111112}', '{"card": "<card:1>", "n": 4111111111111112}'),
        ('{"phone": "0171/1234567"}', '{"phone": "<phone:1>"}'),
        ('{\n  "email": "a@b.org"\n}', '{\n  "email": "<email:1>"\n}'),
        ('{"a@b.org": 1}', '{"<email:1>": 1}'),
        ("GET https://x.io/v1?page=2&token=abcdef0123456789&n=1", "GET https://x.io/v1?page=2&token=<secret:1>&n=1"),
        (
            "https://a.blob.core.windows.net/c?sv=2022&sig=AbCd%2B012345",
            "https://a.blob.core.windows.net/c?sv=2022&sig=<secret:1>",
        ),
        ("postgres://app:p@ss@db.internal:5432/x", "postgres://app:<secret:1>@db.internal:5432/x"),
        ("{'user': 'ann', 'password': 'swordfish'}", "{'user': 'ann', 'password': '<secret:1>'}"),
        ('It said {"password": "sword fish", "n": 1}', 'It said {"password": "<secret:1>", "n": 1}'),
        ('{"token": "tuna"}\n{"token": "hake"}', '{"token": "<secret:1>"}\n{"token": "<secret:2>"}'),
        ('sent "{\\"apiKey\\": \\"tuna\\"}"', 'sent "{\\"apiKey\\": \\"<secret:1>\\"}"'),
        ("export DB_PASSWORD=swordfish\nDEBUG=true", "export DB_PASSWORD=<secret:1>\nDEBUG=true"),
        ("run --api-key abc123def --n 4", "run --api-key <secret:1> --n 4"),
        ("curl -s -u ann:tuna https://x.io", "curl -s -u ann:<secret:1> https://x.io"),
        ("<password>swordfish</password>", "<password><secret:1></password>"),
        ("Set-Cookie: sid=38afes7a8d; Path=/x", "Set-Cookie: <secret:1>"),
        ('[["x-api-key", "foo-bar-1"], ["accept", "a/b"]]', '[["x-api-key", "<secret:1>"], ["accept", "a/b"]]'),
        ('{"name": "Cookie", "value": "sid=tuna"}', '{"name": "Cookie", "value": "<secret:1>"}'),
        ('[{"key": "password", "value": "tuna"}]', '[{"key": "password", "value": "<secret:1>"}]'),
        ('{"passwords": ["tuna", "hake"]}', '{"passwords": ["<secret:1>", "<secret:2>"]}'),
        ("SSN 078051120", "SSN <ssn:1>"),
        (
            '{"mail": "a@b.org", "price": 12.50, "big": 1e400, "n": [0.10, 7]}',
            '{"mail": "<email:1>", "price": 12.50, "big": 1e400, "n": [0.10, 7]}',
        ),
        ("to j\u00f6rg@m\u00fcller.de, ?to=ann%40b.org", "to <email:1>, ?to=<email:2>"),
        ("<email:1> wrote to a@b.org", "<email:1> wrote to <email:1>"),
    ],
)
def test_how_it_is_written(text: str, hidden: str) -> None:
    assert Redactor().text(text) == hidden


def test_the_same_value_has_the_same_placeholder_wherever_it_stands() -> None:
    one = Redactor()
    assert one.value(["a@b.org", {"to": '["c@d.org", "a@b.org"]'}, "A: a@b.org"]) == [
        "<email:1>", {"to": '["<email:2>", "<email:1>"]'}, "A: <email:1>",
    ]  # fmt: skip
    assert one.counts == {"email": 2}


def test_what_was_told_to_be_secret_is_hidden_where_nothing_says_so() -> None:
    one = Redactor()
    assert one.value({"password": "hunter2-x", "pin": 4}) == {"password": "<secret:1>", "pin": 4}
    assert one.text("log in with hunter2-x, then wait") == "log in with <secret:1>, then wait"


def test_it_changes_nothing_that_it_has_hidden_before() -> None:
    text = "mail a@b.org, card 4111 1111 1111 1111, password: hunter2"
    hidden = Redactor().text(text)
    assert Redactor().text(hidden) == hidden


def test_without_the_libraries_nothing_is_written_as_if_it_were_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "find_spec", lambda name: None)
    with pytest.raises(AgentdbgError) as raised:
        Redactor()
    assert raised.value.hint == "pip install 'agentdbg-traces[redact]'"
