"""A day in, a plan out: rules, files, optimiser, verifier. Pure; no clock, no database, no network."""

import zoneinfo

# What date it is somewhere decides which limits count. A machine's own tables may be years old, and not those
# of the next machine; the package tzdata comes with this program, at a known version.
zoneinfo.reset_tzpath(())
