"""Training of encoders: recipes, teachers, students."""
