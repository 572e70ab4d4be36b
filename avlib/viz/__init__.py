"""What is shown: `players` and `plots` for the book, `page` for what `separate` writes."""
