"""The verifier: each rule, each claim, each figure."""
