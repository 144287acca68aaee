"""A project: a folder that knows its photos, the networks that were asked about them, and what people said. No torch, no web."""
