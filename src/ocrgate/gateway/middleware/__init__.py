"""Layers around the routes, each a plain ASGI application around another one."""
