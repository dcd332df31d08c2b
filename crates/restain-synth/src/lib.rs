//! Makes MIRAX slides, from procedural Pap-smear cells or from given pictures.
