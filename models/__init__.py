"""Tables, queries and actions. It fills with the server."""
