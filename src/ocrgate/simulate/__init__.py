"""A vLLM that needs no GPU: in virtual time for tests and planning, in real time over HTTP.

Light to import: the HTTP server is in :mod:`ocrgate.simulate.server`, which is not imported here.
"""
