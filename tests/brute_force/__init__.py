"""The best plan of a tiny day, found by trying everything, and the hard rules written a third time for it."""
