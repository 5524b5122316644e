"""The HTTP server: access, routes, problems."""
