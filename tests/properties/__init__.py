"""What must hold on every day: tried on random days under random policies."""
