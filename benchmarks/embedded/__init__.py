"""What the embedded engine costs around the model, and what a switch costs the records."""
