//! What holds for every world.
