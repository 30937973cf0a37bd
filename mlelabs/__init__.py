"""What the labs import: data loaders and the tools that build and check the labs."""
