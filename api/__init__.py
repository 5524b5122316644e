"""The HTTP side: routes, pages, access. It fills with the server."""
