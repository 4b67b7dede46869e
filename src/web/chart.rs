//! Charts as SVG with a table of the same figures: bars and lines, no script.
