"""The pages of `modiste app`, and the JSON they talk in."""
