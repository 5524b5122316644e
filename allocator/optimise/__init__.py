"""From a day to a plan. Start reading at planner.py."""
