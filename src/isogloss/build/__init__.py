"""The pipeline: a source becomes an atlas."""
