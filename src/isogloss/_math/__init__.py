"""Array arithmetic that several rooms share."""
