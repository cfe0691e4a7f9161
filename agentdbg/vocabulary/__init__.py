"""Shapes that several conventions share: message dialects, LangGraph's metadata, exceptions. Values in, values out."""
