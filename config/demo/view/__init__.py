"""What the demo shows: pure functions from an instance and its plan to things that rich can print."""
