"""Every write, one module a verb, one transaction a call. Nothing else commits."""
