//! Keys that say nothing of any network's mathematics.

use crate::architectures::Ignored;

/// Of both formats and all architectures; what only one has is in its own file.
#[rustfmt::skip]
pub(in crate::import) const IGNORED: &[Ignored] = &[
    // Who made it, with what, and how it is stored.
    ("architectures", &[]), ("auto_map", &[]), ("dtype", &[]), ("finetuning_task", &[]),
    ("is_llama_config", &[]), ("name_or_path", &[]), ("tensor_data_layout", &[]),
    ("tokenizer_class", &[]), ("torch_dtype", &[]), ("torchscript", &[]),
    ("transformers.js_config", &[]), ("transformers_version", &[]), ("unsloth_fixed", &[]),
    ("unsloth_version", &[]), ("use_bfloat16", &[]),
    // Tokens: the tokenizer's own file says what they are.
    ("bos_token_id", &[]), ("decoder_start_token_id", &[]), ("pad_token_id", &[]),
    ("sep_token_id", &[]), ("unk_token_id", &[]),
    // Training.
    ("attention_dropout", &[]), ("attn_pdrop", &[]), ("dropout", &[]), ("embd_pdrop", &[]),
    ("gradient_checkpointing", &[]), ("hidden_dropout", &[]), ("initializer_range", &[]),
    ("pretraining_tp", &[]), ("resid_pdrop", &[]), ("rope.scaling.finetuned", &[]),
    // Heads of classifiers.
    ("classifier_dropout", &[]), ("id2label", &[]), ("label2id", &[]), ("problem_type", &[]),
    // What a library returns, and how it computes that.
    ("chunk_size_feed_forward", &[]), ("is_decoder", &[]), ("max_sequence_length", &[]),
    ("output_attentions", &[]), ("output_hidden_states", &[]), ("output_scores", &[]),
    ("return_dict", &[]), ("return_dict_in_generate", &[]), ("use_cache", &[]),
    // How tokens are chosen: that is the caller's business.
    ("diversity_penalty", &[]), ("do_sample", &[]), ("early_stopping", &[]),
    ("encoder_no_repeat_ngram_size", &[]), ("length_penalty", &[]), ("max_length", &[]),
    ("max_new_tokens", &[]), ("min_length", &[]), ("no_repeat_ngram_size", &[]),
    ("num_beam_groups", &[]), ("num_beams", &[]), ("num_return_sequences", &[]),
    ("remove_invalid_values", &[]), ("repetition_penalty", &[]), ("task_specific_params", &[]),
    ("temperature", &[]), ("top_k", &[]), ("top_p", &[]), ("typical_p", &[]),
    // Nothing by itself: of windows, which are refused by other names, and of YaRN, which reads it.
    ("max_window_layers", &[]), ("rope.scaling.original_context_length", &[]),
    // With another value they are of another network.
    ("is_causal", &["true"]), ("layer_types", &["full_attention"]), ("pruned_heads", &["{}"]),
];
