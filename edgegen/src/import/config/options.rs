//! Keys that may change what a network computes, in any architecture: built or not.
//!
//! What is not in these lists, in no family and not ignored is a key that nobody knows. It is kept
//! from all readers (`Config::set_aside`), so that no key can be read
//! that is missing here.

use crate::architectures;

/// Whether a field of `config.json` is one of these, or one by which a family is read.
pub(in crate::import) fn is_field(name: &str) -> bool {
    FIELDS.contains(&name)
        || architectures::all().any(|family| {
            let attributes = family.attributes.iter().map(|(_, own)| *own);
            let biases = family.biases.iter().map(|(name, _)| *name);
            // With any value they say nothing, there or elsewhere.
            let fields = family
                .fields
                .iter()
                .filter(|(_, allowed)| !allowed.is_empty());
            let fields = fields.map(|(name, _)| *name);
            attributes
                .chain(biases)
                .chain(fields)
                .any(|own| own == name)
        })
}

/// Fields of `config.json`: of configuration classes of causal models in transformers 5, and of
/// models' own classes before.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    // What a model is.
    "eos_token_id", "is_encoder_decoder", "license", "model_type", "quantization",
    "quantization_config", "sparsity_config", "compression_config", "tie_word_embeddings",
    // Sizes, and other names of them.
    "d_ff", "d_inner", "d_kv", "d_model", "dff", "embedding_dim", "embedding_size", "ffn_dim",
    "ffn_hidden_size", "head_dim", "hidden_dim", "hidden_size", "input_embedding_size",
    "intermediate_size", "max_position_embeddings", "moe_intermediate_size", "multi_query",
    "multi_query_attention", "multi_query_group_num", "n_embd", "n_head", "n_head_kv", "n_heads",
    "n_inner", "n_kv_heads", "n_layer", "n_layers", "n_positions", "num_attention_groups",
    "num_attention_heads", "num_attention_heads_per_layer", "num_heads", "num_hidden_layers",
    "num_key_value_heads", "num_kv_heads", "num_layers", "num_query_heads",
    "output_embedding_size", "padded_vocab_size", "unpadded_vocab_size", "vocab_size",
    "word_embed_proj_dim",
    // Feed-forward networks.
    "activation", "activation_function", "activation_sparsity_pattern", "afn",
    "block_auto_adjust_ff_dim", "block_ffn_dim_multiplier", "block_multiple_of", "ff_activation",
    "ffn_config", "ffn_dim_multiplier", "gegelu_limit", "gelu_activation", "hidden_act",
    "hidden_activation", "intermediate_multiple_size", "intermediate_size_mlp",
    "mlp_gate_softcap", "mlp_hidden_act", "mlp_up_softcap", "swiglu_alpha", "swiglu_limit",
    "use_double_wide_mlp", "use_gated_mlp", "use_glu",
    // Biases.
    "add_bias_linear", "add_qkv_bias", "attention_bias", "attention_out_bias", "attn_bias",
    "bias", "ffn_bias", "lm_head_bias", "mlp_bias", "no_bias", "qkv_bias", "use_bias",
    "use_qkv_bias",
    // Norms, and where branches begin and end.
    "apply_residual_connection_post_layernorm", "do_layer_norm_before", "embedding_layer_norm",
    "gated_norm_rank", "layer_norm_elementwise_affine", "layer_norm_eps", "layer_norm_epsilon",
    "layernorm_embedding", "layernorm_epsilon", "new_decoder_architecture", "norm_bias",
    "norm_eps", "norm_epsilon", "norm_type", "normalize_qk_projections",
    "num_ln_in_parallel_attn", "parallel_attn", "parallel_residual", "post_layer_norm",
    "pre_norm", "qk_layernorm", "qk_norm", "residual_in_fp32", "rms_norm_eps", "rmsnorm",
    "use_parallel_block", "use_parallel_residual", "use_post_norm", "use_qk_norm", "use_rmsnorm",
    "use_sandwich_norm",
    // Factors and bounds.
    "attention_in_multiplier", "attention_multiplier", "attention_out_multiplier",
    "attention_value_scale", "attn_logit_softcapping", "attn_scale", "attn_temperature_tuning",
    "clip_qkv", "dim_model_base", "embedding_multiplier", "embedding_scale",
    "final_logit_softcapping", "floor_scale", "key_multiplier", "lm_head_multiplier",
    "log_scaling_alpha", "log_scaling_n_floor", "logit_scale", "logits_mup_width_multiplier",
    "logits_scaling", "logits_soft_cap", "mlp_multipliers", "mup_enabled", "mup_use_scaling",
    "normalize_embedding", "output_logit_soft_cap", "qk_l2_clip_threshold",
    "query_pre_attn_scalar", "residual_multiplier", "scale_attn_by_inverse_layer_idx",
    "scale_attn_weights", "scale_depth", "scale_emb", "scale_embedding", "scale_logits",
    "use_logit_cap",
    // Attention, and what each layer is.
    "attention_chunk_size", "attention_gate", "attention_head_dim", "attention_hidden_size",
    "attention_k_eq_v", "attention_layers", "attention_other_setting", "attention_type",
    "attention_types", "attention_window_size", "attn_config", "attn_layer_indices",
    "attn_layer_offset", "attn_layer_period", "attn_output_gate", "attn_type_list", "block_types",
    "cla_share_factor", "full_attention_interval", "full_attn_idxs", "gating",
    "global_attn_every_n_layers", "hybrid_layer_pattern", "hybrid_override_pattern",
    "keep_window_size", "layers_block_type", "linear_attn_config", "local_attention",
    "local_layer_ids", "num_kv_shared_layers", "output_gate_type", "prefix_lm", "sliding_window",
    "sliding_window_pattern", "sliding_window_size", "sparse_config", "swa_head_dim",
    "swa_num_attention_heads", "swa_num_key_value_heads", "use_attention_gate",
    "use_attention_sinks", "use_bidirectional_attention", "use_cla", "use_cross_layer_attention",
    "use_sliding_window", "value_residual", "window_size",
    // Positions.
    "alibi", "alibi_bias_max", "attention_alibi", "compress_rope_theta", "layer_rope_theta",
    "learned_pos_emb", "no_rope_layer_interval", "no_rope_layers",
    "original_max_position_embeddings", "partial_rotary_factor", "position_embedding_type",
    "rel_extent", "rel_l2_clip_threshold", "rope_full_precision", "rope_interleave",
    "rope_interleaved", "rope_local_base_freq", "rope_parameters", "rope_pct", "rope_ratio",
    "rope_scaling", "rope_theta", "rotary_dim", "rotary_emb_base", "rotary_embedding_base",
    "rotary_pct", "rotary_value", "seq_len_interpolation", "use_alibi", "use_dynamic_ntk",
    "use_logn_attn", "use_mrope", "use_rope",
    // Attention by latent vectors, and of an index.
    "index_head_dim", "index_n_heads", "index_topk", "indexer_budget", "indexer_types",
    "kv_lora_rank", "o_groups", "o_lora_rank", "q_lora_rank", "qk_head_dim", "qk_nope_head_dim",
    "qk_rope_head_dim", "use_mla", "v_head_dim",
    // Experts.
    "decoder_sparse_step", "enable_moe_block", "expert_layer_offset", "expert_layer_period",
    "expert_selection_fn", "first_k_dense_replace", "interleave_moe_layer_step",
    "mlp_layer_types", "mlp_only_layers", "moe_k", "moe_layer_freq", "moe_layer_interval",
    "moe_layers", "moe_num_experts", "moe_num_shared_experts", "moe_topk", "n_group",
    "n_routed_experts", "n_shared_experts", "norm_topk_prob", "num_dense_layers", "num_experts",
    "num_experts_per_tok", "num_experts_per_token", "num_local_experts", "num_shared_experts",
    "prefix_dense_intermediate_size", "route_scale", "routed_scaling_factor",
    "router_hidden_size", "scoring_func", "shared_expert_intermediate_size",
    "shared_intermediate_size", "top_k_experts", "topk_group", "topk_method", "use_expert_bias",
    "use_mixed_mlp_moe", "use_moe", "zero_expert_num",
    // State spaces, convolutions and other recurrences.
    "conv1d_width", "conv_L_cache", "conv_bias", "conv_dim", "conv_kernel", "conv_kernel_size",
    "expand", "linear_conv_kernel_dim", "linear_key_head_dim", "linear_num_key_heads",
    "linear_num_value_heads", "linear_value_head_dim", "lru_width", "mamba_conv_bias",
    "mamba_d_conv", "mamba_d_head", "mamba_d_ssm", "mamba_d_state", "mamba_dt_rank",
    "mamba_expand", "mamba_head_dim", "mamba_n_groups", "mamba_n_heads", "mamba_ngroups",
    "mamba_norm_before_gate", "mamba_num_heads", "mamba_proj_bias", "mamba_rms_norm", "n_groups",
    "n_mamba_heads", "num_mem_blocks", "rescale_every", "short_conv_kernel_size",
    "ssm_in_multiplier", "ssm_multipliers", "ssm_out_multiplier", "ssm_state_size", "state_size",
    "time_step_limit", "time_step_max", "time_step_min", "time_step_rank", "token_shift",
    // Other paths beside or around the layers.
    "adapter_rank", "add_cross_attention", "altup_active_idx", "altup_correct_scale",
    "altup_num_inputs", "hc_mult", "hidden_size_per_layer_input", "laurel_rank",
    "loop_num_passes", "n_recurrent_loops", "num_blocks", "num_mtp_layers",
    "num_nextn_predict_layers", "use_shared_attention_adapter", "vocab_size_per_layer_input",
    // What is left out of the network, or joined.
    "layers_to_skip", "tied_layers",
    // What another network is in.
    "audio_config", "decoder", "encoder", "text_config", "vision_config",
];

/// GGUF's keys of an architecture, without its name: those of llama.cpp's `LLM_KV`.
#[rustfmt::skip]
pub(in crate::import) const KEYS: &[&str] = &[
    "block_count", "context_length", "embedding_length", "embedding_length_out",
    "feed_forward_length", "features_length", "leading_dense_block_count", "vocab_size",
    "decoder_block_count", "nextn_predict_layers", "n_deepstack_layers",
    "activation_sparsity_scale", "altup.active_idx", "altup.num_inputs",
    "embedding_length_per_layer_input", "full_attention_interval", "hidden_activation",
    "swiglu_clamp_exp", "swiglu_clamp_shexp", "swin_norm", "use_parallel_residual",
    "attn_logit_softcapping", "final_logit_softcapping", "router_logit_softcapping",
    "embedding_scale", "logit_scale", "residual_scale", "expert_chunk_feed_forward_length",
    "expert_count", "expert_feed_forward_length", "expert_gating_func", "expert_group_count",
    "expert_group_scale", "expert_group_used_count", "expert_shared_count",
    "expert_shared_feed_forward_length", "expert_used_count", "expert_weights_norm",
    "expert_weights_scale", "experts_per_group", "interleave_moe_layer_step", "moe_every_n_layers",
    "moe_latent_size", "attention.causal", "attention.clamp_kqv", "attention.decay_lora_rank",
    "attention.gate_lora_rank", "attention.group_norm_epsilon", "attention.group_norm_groups",
    "attention.head_count", "attention.head_count_kv", "attention.iclr_lora_rank",
    "attention.indexer.head_count", "attention.indexer.key_length", "attention.indexer.top_k",
    "attention.key_length", "attention.key_length_mla", "attention.key_length_swa",
    "attention.kv_lora_rank", "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon",
    "attention.max_alibi_bias", "attention.output_scale", "attention.q_lora_rank",
    "attention.relative_buckets_count", "attention.scale", "attention.shared_kv_layers",
    "attention.sliding_window", "attention.sliding_window_pattern", "attention.temperature_length",
    "attention.temperature_scale", "attention.value_length", "attention.value_length_mla",
    "attention.value_length_swa", "attention.value_residual_mix_lora_rank", "rope.dimension_count",
    "rope.dimension_count_swa", "rope.dimension_sections", "rope.freq_base", "rope.freq_base_swa",
    "rope.scale_linear", "rope.scaling.alpha", "rope.scaling.attn_factor", "rope.scaling.factor",
    "rope.scaling.type", "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_ext_factor",
    "rope.scaling.yarn_log_multiplier", "convnext.block_count", "convnext.embedding_length",
    "kda.head_dim", "posnet.block_count", "posnet.embedding_length", "rescale_every_n_layers",
    "shortconv.l_cache", "ssm.conv_kernel", "ssm.dt_b_c_rms", "ssm.group_count", "ssm.inner_size",
    "ssm.state_size", "ssm.time_step_rank", "time_decay_extra_dim", "time_mix_extra_dim",
    "token_shift_count", "wkv.head_size",
];

/// Settings of RoPE in `config.json`, whatever the kind of its scaling.
#[rustfmt::skip]
pub(in crate::import) const ROPE: &[&str] = &[
    "alpha", "attention_factor", "beta_fast", "beta_slow", "extrapolation_factor", "factor",
    "high_freq_factor", "llama_4_scaling_beta", "long_factor", "long_mscale", "low_freq_factor",
    "mrope_interleaved", "mrope_section", "mscale", "mscale_all_dim",
    "original_max_position_embeddings", "partial_rotary_factor", "rope_theta", "rope_type",
    "short_factor", "short_mscale", "truncate", "type", "full_attention", "sliding_attention",
];
