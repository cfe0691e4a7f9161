"""redundant.reading: one long text that several agents are each given whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentdbg.detectors import candidates
from agentdbg.detectors.course import Course
from agentdbg.detectors.passages import SIGNS_A_TOKEN, read_by, written_by
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span

_CANDIDATES = """
    SELECT trace_id FROM spans WHERE is_call AND length(input) > $signs
    GROUP BY trace_id HAVING count(DISTINCT agent) >= $readers ORDER BY trace_id
"""
_NEAR = 0.8  # share of the longest reading that another one must have to be a reading of the same text


@dataclass(slots=True)
class _Text:
    """What one span wrote, and how many characters of it each agent read, where first."""

    number: int
    author: Span
    read: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    at: dict[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A long text that stands whole in the prompts of three agents or more, and is paid for by each.

    **What it finds**: what a model or a tool wrote, of 300 tokens or more, that three or more other agents have in
    their prompts, word for word. System prompts, the user's own text and what an agent wrote itself do not count.
    Tokens are estimated from the length of the text.

    **Why it matters**: a summary of 2,000 tokens that goes to writer, reviewer and editor costs 6,000 tokens before
    anybody works, in every round again.

    **Bad**:

        workflow article
          agent reader
            tool fetch {"doc": 1} -> "The harvest of the valley was poor because the rain came six weeks late. Prices of grain rose by a third within the month, and bread followed soon. Imports through the two northern ports made up for half of what was missing. The mills ran at night to use the cheaper power, which tired out their crews. Three cooperatives pooled their stores and sold at cost to the hospitals. The ministry released a tenth of the reserve, far less than was asked for. Lorries queued at the border for days until the scales were repaired. Farmers in the hills switched to millet, which needs less than half the water. The insurers paid out slowly and argued about what counts as a drought. Seed for the next year is short, and the price of it has doubled as well. Two banks offered bridging loans on terms that few of the small farms took. The railway put on extra trains at the weekends, mostly for fodder. Cattle were sold early, so that meat was cheap in autumn and dear in spring. The schools kept their free meals by buying in bulk with the neighbouring towns. Observers expect the markets to calm down when the winter wheat comes in. Nobody the reporters spoke to believes that it was the last dry year. Later, the harvest of the valley was poor because the rain came six weeks late. Later, prices of grain rose by a third within the month, and bread followed soon."
          agent writer
            llm gpt-4o "The harvest of the valley was poor because the rain came six weeks late. Prices of grain rose by a third within the month, and bread followed soon. Imports through the two northern ports made up for half of what was missing. The mills ran at night to use the cheaper power, which tired out their crews. Three cooperatives pooled their stores and sold at cost to the hospitals. The ministry released a tenth of the reserve, far less than was asked for. Lorries queued at the border for days until the scales were repaired. Farmers in the hills switched to millet, which needs less than half the water. The insurers paid out slowly and argued about what counts as a drought. Seed for the next year is short, and the price of it has doubled as well. Two banks offered bridging loans on terms that few of the small farms took. The railway put on extra trains at the weekends, mostly for fodder. Cattle were sold early, so that meat was cheap in autumn and dear in spring. The schools kept their free meals by buying in bulk with the neighbouring towns. Observers expect the markets to calm down when the winter wheat comes in. Nobody the reporters spoke to believes that it was the last dry year. Later, the harvest of the valley was poor because the rain came six weeks late. Later, prices of grain rose by a third within the month, and bread followed soon." -> "A draft."
          agent reviewer
            llm gpt-4o "The harvest of the valley was poor because the rain came six weeks late. Prices of grain rose by a third within the month, and bread followed soon. Imports through the two northern ports made up for half of what was missing. The mills ran at night to use the cheaper power, which tired out their crews. Three cooperatives pooled their stores and sold at cost to the hospitals. The ministry released a tenth of the reserve, far less than was asked for. Lorries queued at the border for days until the scales were repaired. Farmers in the hills switched to millet, which needs less than half the water. The insurers paid out slowly and argued about what counts as a drought. Seed for the next year is short, and the price of it has doubled as well. Two banks offered bridging loans on terms that few of the small farms took. The railway put on extra trains at the weekends, mostly for fodder. Cattle were sold early, so that meat was cheap in autumn and dear in spring. The schools kept their free meals by buying in bulk with the neighbouring towns. Observers expect the markets to calm down when the winter wheat comes in. Nobody the reporters spoke to believes that it was the last dry year. Later, the harvest of the valley was poor because the rain came six weeks late. Later, prices of grain rose by a third within the month, and bread followed soon." -> "Fine."
          agent editor
            llm gpt-4o "The harvest of the valley was poor because the rain came six weeks late. Prices of grain rose by a third within the month, and bread followed soon. Imports through the two northern ports made up for half of what was missing. The mills ran at night to use the cheaper power, which tired out their crews. Three cooperatives pooled their stores and sold at cost to the hospitals. The ministry released a tenth of the reserve, far less than was asked for. Lorries queued at the border for days until the scales were repaired. Farmers in the hills switched to millet, which needs less than half the water. The insurers paid out slowly and argued about what counts as a drought. Seed for the next year is short, and the price of it has doubled as well. Two banks offered bridging loans on terms that few of the small farms took. The railway put on extra trains at the weekends, mostly for fodder. Cattle were sold early, so that meat was cheap in autumn and dear in spring. The schools kept their free meals by buying in bulk with the neighbouring towns. Observers expect the markets to calm down when the winter wheat comes in. Nobody the reporters spoke to believes that it was the last dry year. Later, the harvest of the valley was poor because the rain came six weeks late. Later, prices of grain rose by a third within the month, and bread followed soon." -> "Done."

    **Good**:

        workflow article
          agent reader
            tool fetch {"doc": 1} -> "The harvest was poor, prices rose by a third, and imports made up for half of it."
          agent writer
            llm gpt-4o "The harvest was poor; see document 1." -> "A draft."
          agent reviewer
            llm gpt-4o "Check the draft against document 1." -> "Fine."
          agent editor
            llm gpt-4o "Shorten the draft." -> "Done."

    **What to do**: pass on a gist of a few lines and a reference to the whole, which an agent that needs more can read.

    Options: tokens = length of the text; readers = agents that read it; many = tokens read beyond the first time from
    which it is medium.
    """  # noqa: E501 - a payload stands on one line

    tokens: int = 300
    readers: int = 3
    many: int = 20_000

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each text, by trace and author's start."""
        if candidates.unrecorded(reader, "is_call", "input"):
            yield Skipped("redundant.reading", None, "no payloads of model calls")
            return
        rows = reader.rows(_CANDIDATES, signs=self.tokens * SIGNS_A_TOKEN, readers=self.readers)
        known = {row[0] for row in rows}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            for text in _texts(course):
                most = max(text.read.values(), default=0)
                readers = [agent for agent, signs in text.read.items() if signs >= _NEAR * most]
                if most >= self.tokens * SIGNS_A_TOKEN and len(readers) >= self.readers:
                    yield self._finding(course, text, readers)

    def _finding(self, course: Course, text: _Text, readers: list[str]) -> Finding:
        sizes = [text.read[agent] // SIGNS_A_TOKEN for agent in readers]
        beyond = sum(sizes) - max(sizes)
        author = course.agent(text.author) or text.author.tool or text.author.name
        first = text.at[readers[0]]
        return Finding(
            detector="redundant.reading",
            severity="medium" if beyond >= self.many else "low",
            confidence="certain",
            title=clipped(f"{len(readers)} agents each read the same {max(sizes):,} tokens of {author}", 100),
            message=(
                f"{listed(readers)} each have the same text of {author} in their prompts, about "
                f"{counted(max(sizes), 'token')} long: about {counted(beyond, 'token')} beyond the first reading."
            ),
            trace_id=course.trace.trace_id,
            agent=course.agent(first),
            evidence=(
                Evidence(text.author.span_id, "primary", f"written here, about {counted(max(sizes), 'token')}"),
                *(
                    Evidence(text.at[agent].span_id, "related", f"read by {agent}")
                    for agent in readers[:6]
                    if text.at[agent].span_id != text.author.span_id
                ),
            ),
            advice="Pass on a gist of a few lines and a reference to the whole, for those who need more.",
            next=f"agentdbg span {text.author.span_id}",
            key="the same text for several agents",
            wasted_tokens=beyond,
        )


def _texts(course: Course) -> list[_Text]:
    """What was written in a run and read by other agents, by author's start. A passage is by whoever wrote it first."""
    written: dict[str, _Text] = {}
    texts: list[_Text] = []
    for span in sorted([*course.models, *course.tools], key=lambda one: (course.end(one), one.span_id)):
        text = _Text(len(texts), span)
        texts.append(text)
        for passage in written_by(course, span):
            written.setdefault(passage, text)
    for model in course.models:
        agent, read = course.agent(model), Counter[int]()
        for passage in read_by(model):
            by = written.get(passage)
            if by and course.agent(by.author) != agent and course.moment(by.author) <= course.start(model):
                read[by.number] += len(passage)
        for number, signs in read.items() if agent else ():
            assert agent is not None
            if signs > texts[number].read[agent]:
                texts[number].read[agent], texts[number].at[agent] = signs, model
    return [text for text in texts if text.read]
