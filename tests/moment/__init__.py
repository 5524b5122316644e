"""The question at the moment of start: against the verifier, and rule by rule."""
