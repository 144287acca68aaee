"""The labeller over HTTP. The only room that knows a web framework; `client` needs none."""
