"""For each hard rule, tiny days that beg to break it."""
