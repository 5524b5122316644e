"""Every read that somebody sees, one module a page or endpoint."""
