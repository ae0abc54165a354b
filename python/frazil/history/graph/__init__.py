"""The ancestry graph: which lane each snapshot is drawn in, and the drawing as text and as SVG."""
