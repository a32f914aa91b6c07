"""Champion and challengers in the stream: what came true, live scores, who takes over."""
