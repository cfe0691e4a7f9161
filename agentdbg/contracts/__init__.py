"""What a message from one agent to another looks like: payload, profile, reference and the differences between them."""
