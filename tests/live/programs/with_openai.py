"""A loop over the plain SDK, streamed, whose tool is a plain function."""

import json
import os

import recording
from openai import OpenAI

import agentdbg.replay

tracer = recording.tracer()
client = OpenAI(base_url=os.environ["MODEL"], max_retries=2)
TOOL = {
    "name": "search",
    "description": "Find orders.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}


@agentdbg.replay.tool
def search(q):
    print("ran search")
    return [7]


def main(task):
    said = [{"role": "system", "content": os.environ.get("PROMPT", "You plan.")}, {"role": "user", "content": task}]
    while True:
        with client.chat.completions.stream(
            model="gpt-4o-mini", messages=said, tools=[{"type": "function", "function": TOOL}]
        ) as events:
            answer = events.get_final_completion().choices[0].message
        if not answer.tool_calls:
            return answer.content
        said.append(answer.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True))
        for call in answer.tool_calls:
            result = search(**json.loads(call.function.arguments))
            said.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})


if __name__ == "__main__":
    with tracer.start_as_current_span("run"):
        print(main("Price the order."))
