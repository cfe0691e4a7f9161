"""`python -m benchmarks.replay.serving KIND CALLS`: the server that is measured, in a process of its own. Once it is
up, it prints its address and the processor time that it took; when its stdin ends, the most memory that it had and the
processor time of the answers."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping

from agentdbg.replay.matching import Matcher
from agentdbg.replay.playback import Playback, Reply
from agentdbg.replay.server import served
from agentdbg.replay.tape import Policies, Tape
from benchmarks.replay.case import calls


class Echo:
    """The reference: the same server, which reads the request as JSON and gives back an answer of the usual size."""

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        model = json.loads(content)["model"]
        return Reply(200, {"id": "x", "model": model, "choices": [{"message": {"content": "x" * 400}}]})


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    what = Echo() if kind == "echo" else Playback(Matcher(calls(count)), Tape((), Policies({})))
    with served(what) as address:
        began = time.process_time()
        print(address, began, flush=True)
        sys.stdin.read()
        took = time.process_time() - began
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, took, flush=True)


if __name__ == "__main__":
    main()
