//! Opening slides, their geometry, and the tile grid.
