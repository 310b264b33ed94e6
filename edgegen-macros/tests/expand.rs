//! The module computes what the emitted crate computes.

edgegen_macros::edge_model! {
    mod kept {
        model: "../examples/macro-assistant/models/tiny.bin",
        platform: "host",
    }
}

edgegen_macros::edge_model! {
    /// The same model, quantized, with a short context.
    mod quantized {
        platform: "host",
        quant: "q4m",
        model: "../examples/macro-assistant/models/tiny.bin",
        tokenizer: "../examples/macro-assistant/models/tokenizer.bin",
        context: 32,
    }
}

edgegen_macros::edge_model! {
    mod microcontroller {
        model: "../examples/macro-assistant/models/tiny.bin",
        platform: "esp32",
        quant: "q8",
    }
}

#[cfg(target_arch = "x86_64")]
edgegen_macros::edge_model! {
    mod bare {
        model: "../examples/macro-assistant/models/tiny.bin",
        platform: "tests/bare_x86_64.toml",
        cpu: "x86-64-v3",
    }
}

#[test]
fn two_models_live_in_one_crate() {
    assert!(kept::self_test(&mut kept::Session::new()).passed());
    assert!(quantized::self_test(&mut quantized::Session::new()).passed());
    assert_eq!((kept::CONTEXT, quantized::CONTEXT), (64, 32));
}

#[test]
fn without_std_the_caller_gives_the_memory() {
    let mut memory = [0.0; microcontroller::MEMORY_LEN];
    let mut session = microcontroller::Session::with_memory(&mut memory).unwrap();
    assert!(microcontroller::self_test(&mut session).passed());
    const { assert!(microcontroller::RAM_BYTES < 520_000) };
}

/// Without `std` the CPU is not asked: the compiler must have been told.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_cpu_has_one_instruction_set() {
    assert_eq!(bare::InstructionSet::ALL.map(|set| set.name()), ["avx2"]);
    assert_eq!(bare::GOLDEN_LOGITS, kept::GOLDEN_LOGITS);
    let mut memory = [0.0; bare::MEMORY_LEN];
    match bare::Session::with_memory(&mut memory) {
        Ok(mut session) => assert!(bare::self_test(&mut session).passed()),
        Err(error) => {
            assert_eq!(error, bare::Error::MissingInstructionSet("avx2"));
            assert!(error.to_string().starts_with("the compiler was not told"));
            assert!(!cfg!(target_feature = "avx2"));
        }
    }
}

/// Sampled, saved and gone on with: the same text as without the break.
#[test]
fn a_restored_session_goes_on() {
    let options = quantized::Options {
        max_tokens: 8,
        temperature: 0.8,
        seed: 3,
        ..quantized::Options::default()
    };
    let mut tokens = [0; 64];
    let count = quantized::TOKENIZER
        .encode("hello there", true, &mut tokens)
        .unwrap();
    let (first, last) = tokens[..count].split_at(count - 1);

    let mut session = quantized::Session::new();
    session.feed(first).unwrap();
    let mut saved = vec![0; session.saved_bytes()];
    session.save(&mut saved).unwrap();
    let whole: Vec<_> = session
        .generate_tokens(last, &options)
        .unwrap()
        .map(|piece| piece.token())
        .collect();

    let mut restored = quantized::Session::new();
    restored.restore(&saved).unwrap();
    assert_eq!(restored.position(), count - 1);
    let again: Vec<_> = restored
        .generate_tokens(last, &options)
        .unwrap()
        .map(|piece| piece.token())
        .collect();
    assert_eq!(whole, again);

    // Any changed byte is noticed, and the session stays as it was.
    let position = restored.position();
    for at in (0..saved.len()).step_by(saved.len() / 97 + 1) {
        let mut changed = saved.clone();
        changed[at] ^= 4;
        assert!(restored.restore(&changed).is_err(), "byte {at}");
        assert_eq!(restored.position(), position);
    }
    assert!(restored.restore(&saved[..saved.len() - 1]).is_err());
    assert!(session.save(&mut [0; 8]).is_err());
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut session = quantized::Session::new();
    session.feed(&[1, 5, 7]).unwrap();
    let long = "the hello ".repeat(40);
    assert!(matches!(
        session.generate(&long, &quantized::Options::default()),
        Err(quantized::Error::PromptTooLong { context: 32 })
    ));
    assert!(matches!(
        session.feed(&[1_000_000]),
        Err(quantized::Error::InvalidToken(1_000_000))
    ));
    assert!(matches!(
        session.feed(&[1; 30]),
        Err(quantized::Error::ContextFull { context: 32 })
    ));
    let options = quantized::Options {
        temperature: f32::NAN,
        ..quantized::Options::default()
    };
    assert!(session.generate("hello", &options).is_err());
    assert!(
        session
            .chat(None, "hello", &quantized::Options::default())
            .is_err()
    );
    assert_eq!(session.position(), 3);
}

/// A generation ends at the context's end, and the text is always UTF-8.
#[test]
fn a_generation_ends_with_the_context() {
    let mut session = quantized::Session::new();
    let mut generation = session
        .generate("hello", &quantized::Options::default())
        .unwrap();
    let count = generation
        .by_ref()
        .filter(|piece| piece.token().is_some())
        .count();
    match generation.finish().unwrap() {
        quantized::Finish::ContextFull => {
            assert_eq!(count + generation.prompt_tokens(), quantized::CONTEXT + 1);
        }
        quantized::Finish::Stop => assert!(count < quantized::CONTEXT),
        quantized::Finish::MaxTokens => panic!("there was no such limit"),
    }
}

/// The stack holds a session of a small model: the KV cache is elsewhere.
#[test]
fn a_session_needs_little_stack() {
    std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(|| {
            let mut session = kept::Session::new();
            assert!(kept::self_test(&mut session).passed());
        })
        .unwrap()
        .join()
        .unwrap();
}
