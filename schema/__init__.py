"""The words the parts speak to each other. Imports nothing of ours."""
