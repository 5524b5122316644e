"""Days to plan, built for tests: by hand from short rows, or at random from a seed."""
