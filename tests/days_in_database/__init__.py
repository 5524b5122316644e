"""Days brought into a database, planned from it, published to it and taken out again."""
