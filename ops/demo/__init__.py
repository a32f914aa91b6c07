"""Parts of `undertone demo`: the first model, the service beside the flow, the terminal view."""
