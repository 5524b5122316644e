"""The routes, one module a subject; `api/app.py` lists them by hand."""
