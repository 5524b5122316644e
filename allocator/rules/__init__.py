"""Declarations: what the rules are, without what follows from them. In words: allocator/RULES.md."""
