//! What holds for one of the models.

mod homectl;
mod llama;
mod overflow;
