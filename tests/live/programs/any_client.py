"""The first question of `with_openai.py` over the HTTP client that is named; then a page outside."""

import asyncio
import json
import os
import subprocess
import sys
from importlib import import_module
from urllib.request import Request, urlopen

ASKED = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "You plan."}, {"role": "user", "content": "Price the order."}],
}
URL, OUTSIDE = "https://gateway.example.com/v1/chat/completions", "https://example.com/"


def requests(module):
    print(module.post(URL, json=ASKED).json())
    module.get(OUTSIDE)


def httpx(module):
    print(module.post(URL, json=ASKED).json())
    module.get(OUTSIDE)


httpx2 = httpx


def aiohttp(module):
    async def ask():
        async with module.ClientSession() as session:
            async with session.post(URL, json=ASKED) as answer:
                print(await answer.json())
            await session.get(OUTSIDE)

    asyncio.run(ask())


def urllib(module):
    body = json.dumps(ASKED).encode()
    with urlopen(
        Request(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", body, {"content-type": "application/json"})
    ) as answer:
        print(answer.read().decode())


def as_subprocess(module):
    assert "OPENAI_BASE_URL" not in os.environ  # as it was before
    subprocess.run([sys.executable, "-I", __file__, "urllib"], check=True)


name = sys.argv[1]
globals()["as_subprocess" if name == "subprocess" else name](
    import_module("urllib.request" if name == "urllib" else name)
)
