"""Going round: cycles of agents and tools in which nothing new comes up."""
