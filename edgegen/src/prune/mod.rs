//! Model → Model: leaves out what a device can do without, which a text shows: tokens, feed-forward
//! neurons, attention heads, layers.

mod importance;
mod layers;
mod shape;
mod vocabulary;
mod width;

pub use layers::layers;
pub use shape::Shape;
pub use vocabulary::vocabulary;
pub use width::{heads, neurons};
