"""Background work: tasks are kept in PostgreSQL and rung for through Redis. See README.md here."""
