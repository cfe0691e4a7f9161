"""How the programs here are recorded: by instrumentations, while the environment names a collector."""

import os
from importlib import import_module
from typing import Any


def tracer() -> Any:
    from opentelemetry import trace

    if "RECORD_TO" not in os.environ:
        return trace.get_tracer("program")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(os.environ["RECORD_TO"])))
    for recorder in os.environ["RECORD_WITH"].split(","):
        package, _, name = recorder.partition(":")
        if package == "pydantic_ai":
            from pydantic_ai import Agent
            from pydantic_ai.models.instrumented import InstrumentationSettings

            Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
        else:
            getattr(import_module(package), name)().instrument(tracer_provider=provider)
    return provider.get_tracer("program")
