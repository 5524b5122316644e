"""Queue jobs, doorbell, reconciler. It fills with the server."""
