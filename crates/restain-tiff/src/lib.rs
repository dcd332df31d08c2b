//! Tiles into a pyramid, the pyramid into a tiled BigTIFF.
