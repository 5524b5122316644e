"""Settings, the default policy and the command line."""
