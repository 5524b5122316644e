"""The verb `demo`: everything that Breakwater runs, once, on one machine, for an invented team."""
