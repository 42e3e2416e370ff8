"""What vectors of a dimension can rank, what is proven of it, and what a search reaches."""
