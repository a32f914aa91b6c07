"""The flow put together from the settings."""
