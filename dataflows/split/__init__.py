"""The split topology: feature processes publish rows and marks, one inference process joins them (ADR 10)."""
