//! The networks of restain on candle: G, checkpoints with their model card, inference.
