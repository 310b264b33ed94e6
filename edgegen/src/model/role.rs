//! What tensors are for, a row each.

use crate::error::{Error, Result};

use super::Architecture;

/// From a row follow a role's name, which is the same in plans and on the command line, whose it is
/// (the model's, or each layer's), whether products are made of it (`matrix`), its rows are added
/// (`table`) or it is one row (`vector`), its shape, its bias, and whether RoPE rotates what its rows
/// give.
macro_rules! roles {
    ($(
        $(#[$doc:meta])*
        $Role:ident: $name:literal, $scope:ident $kind:ident |$a:ident| $size:expr
            $(, bias $Bias:ident)? $(, rotated by $rope:ident)?;
    )*) => {
        /// What a tensor is for.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum Role {
            $($(#[$doc])* #[serde(rename = $name)] $Role,)*
        }

        impl Role {
            /// Every role, in order.
            pub const ALL: [Self; [$(Self::$Role),*].len()] = [$(Self::$Role),*];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$Role => $name,)*
                }
            }

            /// Whether it is the weight of a product; the others are vectors.
            pub fn is_matrix(self) -> bool {
                match self {
                    $(Self::$Role => roles!(@is_matrix $kind),)*
                }
            }

            /// What is added to what it gives.
            pub(crate) fn bias(self) -> Option<Self> {
                match self {
                    $($(Self::$Role => Some(Self::$Bias),)?)*
                    _ => None,
                }
            }

            /// Whether every layer has its own.
            pub fn is_per_layer(self) -> bool {
                match self {
                    $(Self::$Role => roles!(@is_per_layer $scope),)*
                }
            }

            /// Whether RoPE rotates what its rows give.
            pub fn is_rotated(self) -> bool {
                match self {
                    $($(Self::$Role => roles!(@is_rotated $rope),)?)*
                    _ => false,
                }
            }
        }

        impl Architecture {
            /// Rows and columns of the tensor of a role; a vector has one row.
            pub fn shape(&self, role: Role) -> (usize, usize) {
                match role {
                    $(Role::$Role => {
                        let $a = self;
                        roles!(@shape $kind $size)
                    })*
                }
            }
        }
    };
    (@is_matrix matrix) => { true };
    (@is_matrix table) => { false };
    (@is_matrix vector) => { false };
    (@is_per_layer layer) => { true };
    (@is_per_layer model) => { false };
    (@is_rotated rope) => { true };
    (@shape vector $size:expr) => { (1, $size) };
    (@shape $kind:ident $size:expr) => { $size };
}

roles! {
    /// Token embedding.
    Embedding: "embedding", model matrix |a| (a.vocab_size, a.hidden_size);
    /// Learned embedding of each position.
    Positions: "positions", model table |a| (a.max_position_embeddings, a.hidden_size);
    /// Gain of the norm before attention.
    AttentionNorm: "attention_norm", layer vector |a| a.hidden_size;
    /// Bias of a LayerNorm before attention.
    AttentionNormBias: "attention_norm_bias", layer vector |a| a.hidden_size;
    /// Query projection.
    Query: "query", layer matrix |a| (a.query_size(), a.hidden_size),
        bias QueryBias, rotated by rope;
    /// Bias of the query projection.
    QueryBias: "query_bias", layer vector |a| a.query_size(), rotated by rope;
    /// Gain of the norm of each head's query.
    QueryNorm: "query_norm", layer vector |a| a.head_dim, rotated by rope;
    /// Gain of the norm of all queries together, or of each head's, with gains of its own.
    QueriesNorm: "queries_norm", layer vector |a| a.query_size(), rotated by rope;
    /// Key projection.
    Key: "key", layer matrix |a| (a.key_size(), a.hidden_size), bias KeyBias, rotated by rope;
    /// Bias of the key projection.
    KeyBias: "key_bias", layer vector |a| a.key_size(), rotated by rope;
    /// Gain of the norm of each head's key.
    KeyNorm: "key_norm", layer vector |a| a.head_dim, rotated by rope;
    /// Gain of the norm of all keys together, or of each head's, with gains of its own.
    KeysNorm: "keys_norm", layer vector |a| a.key_size(), rotated by rope;
    /// Value projection.
    Value: "value", layer matrix |a| (a.key_size(), a.hidden_size), bias ValueBias;
    /// Bias of the value projection.
    ValueBias: "value_bias", layer vector |a| a.key_size();
    /// Gain of the norm between attention and its output projection.
    AttentionSubNorm: "attention_sub_norm", layer vector |a| a.query_size();
    /// Attention output projection.
    AttentionOutput: "attention_output", layer matrix |a| (a.hidden_size, a.query_size()),
        bias AttentionOutputBias;
    /// Bias of the attention output projection.
    AttentionOutputBias: "attention_output_bias", layer vector |a| a.hidden_size;
    /// Gain of the norm of what attention gives.
    AttendedNorm: "attended_norm", layer vector |a| a.hidden_size;
    /// Gain of the norm before the feed-forward network.
    FeedForwardNorm: "feed_forward_norm", layer vector |a| a.hidden_size;
    /// Bias of a LayerNorm before the feed-forward network.
    FeedForwardNormBias: "feed_forward_norm_bias", layer vector |a| a.hidden_size;
    /// Gate projection.
    Gate: "gate", layer matrix |a| (a.intermediate_size, a.hidden_size), bias GateBias;
    /// Bias of the gate projection.
    GateBias: "gate_bias", layer vector |a| a.intermediate_size;
    /// Up projection.
    Up: "up", layer matrix |a| (a.intermediate_size, a.hidden_size), bias UpBias;
    /// Bias of the up projection.
    UpBias: "up_bias", layer vector |a| a.intermediate_size;
    /// Gain of the norm before the down projection.
    FeedForwardSubNorm: "feed_forward_sub_norm", layer vector |a| a.intermediate_size;
    /// Down projection.
    Down: "down", layer matrix |a| (a.hidden_size, a.intermediate_size), bias DownBias;
    /// Bias of the down projection.
    DownBias: "down_bias", layer vector |a| a.hidden_size;
    /// Gain of the norm of what the feed-forward network gives.
    FedForwardNorm: "fed_forward_norm", layer vector |a| a.hidden_size;
    /// Gain of the norm after the last layer.
    OutputNorm: "output_norm", model vector |a| a.hidden_size;
    /// Bias of a LayerNorm after the last layer.
    OutputNormBias: "output_norm_bias", model vector |a| a.hidden_size;
    /// Mixes the last norm's output before the output projection. No file has it: it takes the last
    /// norm's gain where the output projection is the embedding.
    OutputMix: "output_mix", model matrix |a| (a.hidden_size, a.hidden_size);
    /// Output projection; absent when it is the embedding.
    Output: "output", model matrix |a| (a.vocab_size, a.hidden_size), bias OutputBias;
    /// Bias of the output projection.
    OutputBias: "output_bias", model vector |a| a.vocab_size;
}

impl Role {
    /// The role of that name, if it is that of a matrix.
    ///
    /// # Errors
    ///
    /// Lists the names that there are.
    pub fn matrix(name: &str) -> Result<Self> {
        let matrices = Self::ALL.into_iter().filter(|role| role.is_matrix());
        let found = matrices.clone().find(|role| role.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = matrices.map(Self::name).collect();
            Error::unknown("matrix", name, &names)
        })
    }
}

/// A tensor's place in the network. Orders by layer, tensors outside the layers first,
/// then by [`Role`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct TensorKey {
    /// The layer, or `None` outside the layers.
    pub layer: Option<usize>,
    /// What it is for.
    pub role: Role,
}

impl TensorKey {
    /// A tensor outside the layers.
    pub const fn global(role: Role) -> Self {
        Self { layer: None, role }
    }

    /// A tensor of layer `layer`, from 0.
    pub const fn layer(layer: usize, role: Role) -> Self {
        Self {
            layer: Some(layer),
            role,
        }
    }
}
