"""What a person reads of a version: reports and pictures."""
