//! Reads model files: GGUF, Hugging Face folders and llama2.c.
