//! Keys that say nothing of any network's mathematics.

use crate::architectures::Ignored;

/// Of both formats and all architectures; what only one has is in its own file. Beside what
/// configuration classes of transformers 5 have: what older ones and other tools write.
#[rustfmt::skip]
pub(in crate::import) const IGNORED: &[Ignored] = &[
    // Who made it, with what, and how it is stored.
    ("architectures", &[]), ("auto_map", &[]), ("dtype", &[]), ("finetuning_task", &[]),
    ("is_llama_config", &[]), ("model_name", &[]), ("name_or_path", &[]), ("output_past", &[]),
    ("tensor_data_layout", &[]), ("tf_legacy_loss", &[]), ("tokenizer_class", &[]),
    ("torch_dtype", &[]), ("torchscript", &[]), ("transformers.js_config", &[]),
    ("transformers_version", &[]), ("unsloth_fixed", &[]), ("unsloth_version", &[]),
    ("use_bfloat16", &[]),
    // Tokens: the tokenizer's own file says what they are.
    ("bos_token_id", &[]), ("decoder_start_token_id", &[]), ("eod_token_id", &[]),
    ("forced_bos_token_id", &[]), ("forced_eos_token_id", &[]), ("pad_token_id", &[]),
    ("prefix", &[]), ("sep_token_id", &[]), ("tokenizer_model_max_length", &[]),
    ("tokenizer_padding_side", &[]), ("unk_token_id", &[]),
    // Training.
    ("activation_dropout", &[]), ("attention_dropout", &[]), ("attention_probs_dropout_prob", &[]),
    ("attn_pdrop", &[]), ("dropout", &[]), ("embd_pdrop", &[]), ("embedding_dropout", &[]),
    ("gradient_checkpointing", &[]), ("hidden_dropout", &[]), ("hidden_dropout_prob", &[]),
    ("initializer_factor", &[]), ("initializer_range", &[]), ("output_router_logits", &[]),
    ("pretraining_tp", &[]), ("resid_pdrop", &[]), ("residual_dropout", &[]),
    ("rope.scaling.finetuned", &[]), ("router_aux_loss_coef", &[]),
    // Heads of classifiers.
    ("classifier_dropout", &[]), ("classifier_dropout_prob", &[]), ("id2label", &[]),
    ("label2id", &[]), ("num_choices", &[]), ("num_labels", &[]), ("problem_type", &[]),
    // What a library returns, and how it computes that.
    ("attn_implementation", &[]), ("base_model_fsdp_plan", &[]), ("base_model_pp_plan", &[]),
    ("base_model_tp_plan", &[]), ("chunk_size_feed_forward", &[]), ("distributed_config", &[]),
    ("experts_implementation", &[]), ("flash_attn", &[]),
    ("ignore_keys_at_rope_validation", &[]), ("is_decoder", &[]), ("max_sequence_length", &[]),
    ("max_seq_len", &[]), ("model_max_length", &[]), ("output_attentions", &[]),
    ("output_hidden_states", &[]), ("output_logits", &[]), ("output_scores", &[]),
    ("return_dict", &[]), ("return_dict_in_generate", &[]), ("seq_length", &[]),
    ("use_cache", &[]), ("use_flash_attention", &[]), ("use_flash_attention_2", &[]),
    ("use_flash_attn", &[]),
    // How tokens are chosen: that is the caller's business.
    ("assistant_confidence_threshold", &[]), ("assistant_early_exit", &[]),
    ("assistant_ensemble_weight", &[]), ("assistant_lookbehind", &[]), ("bad_words_ids", &[]),
    ("begin_suppress_tokens", &[]), ("cache_config", &[]), ("cache_implementation", &[]),
    ("compile_config", &[]), ("constraints", &[]), ("continuous_batching_config", &[]),
    ("disable_compile", &[]), ("diversity_penalty", &[]), ("do_sample", &[]), ("dola_layers", &[]),
    ("early_stopping", &[]), ("encoder_no_repeat_ngram_size", &[]),
    ("encoder_repetition_penalty", &[]), ("epsilon_cutoff", &[]), ("eta_cutoff", &[]),
    ("exponential_decay_length_penalty", &[]), ("force_words_ids", &[]),
    ("generation_config", &[]), ("guidance_scale", &[]), ("is_assistant", &[]),
    ("length_penalty", &[]), ("low_memory", &[]), ("max_cache_len", &[]), ("max_length", &[]),
    ("max_matching_ngram_size", &[]), ("max_new_tokens", &[]), ("max_time", &[]),
    ("min_length", &[]), ("min_new_tokens", &[]), ("min_p", &[]), ("no_repeat_ngram_size", &[]),
    ("num_assistant_tokens", &[]), ("num_assistant_tokens_schedule", &[]),
    ("num_beam_groups", &[]), ("num_beams", &[]), ("num_return_sequences", &[]),
    ("penalty_alpha", &[]), ("prefill_chunk_size", &[]), ("prompt_lookup_num_tokens", &[]),
    ("remove_invalid_values", &[]), ("renormalize_logits", &[]), ("repetition_penalty", &[]),
    ("sequence_bias", &[]), ("speculation_type", &[]), ("stop_strings", &[]),
    ("suppress_tokens", &[]), ("target_lookbehind", &[]), ("task_specific_params", &[]),
    ("temperature", &[]), ("token_healing", &[]), ("top_h", &[]), ("top_k", &[]), ("top_p", &[]),
    ("typical_p", &[]), ("use_mtp", &[]), ("watermarking_config", &[]),
    // Nothing by itself: of windows, which are refused by other names, and of YaRN, which reads it.
    ("max_window_layers", &[]), ("rope.scaling.original_context_length", &[]),
    // With another value they are of another network.
    ("is_causal", &["true"]), ("layer_types", &["full_attention"]), ("pruned_heads", &["{}"]),
];
