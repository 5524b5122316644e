"""Tests of the default policy, of generated days and of the demo day."""
