"""The service under load: calls over HTTP, and thousands of WebSockets."""
