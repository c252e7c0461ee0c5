"""The HTTP contract as values: what travels between the gateway and its clients.

Every type is a ``msgspec`` struct: it decodes and checks in one pass, encodes fast, and gives the
JSON schema that OpenAPI shows. Nothing here knows a server, an engine or a setting.
"""
