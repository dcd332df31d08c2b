//! The stages of a slide's way, joined by bounded channels.
