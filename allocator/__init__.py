"""A day in, a plan out: rules, files, optimiser, verifier. Pure; no clock, no database, no network."""
