"""Where in day, week, month and session a bar closed."""
