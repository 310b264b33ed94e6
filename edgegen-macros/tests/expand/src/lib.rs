//! The module computes what the emitted crate computes. A crate of its own, since its build script gives
//! the macro a cache of its own.
#![cfg(test)]

edgegen_macros::edge_model! {
    mod kept {
        model: "../../../examples/macro-assistant/models/tiny.bin",
        platform: "host",
    }
}

edgegen_macros::edge_model! {
    /// The same model, quantized, with a short context.
    mod quantized {
        platform: "host",
        quant: "q4m",
        model: "../../../examples/macro-assistant/models/tiny.bin",
        tokenizer: "../../../examples/macro-assistant/models/tokenizer.bin",
        context: 32,
        answer_cache: 0,
    }
}

edgegen_macros::edge_model! {
    mod microcontroller {
        model: "../../../examples/macro-assistant/models/tiny.bin",
        platform: "esp32",
        quant: "q8",
        answer_cache: 150,
    }
}

#[cfg(target_arch = "x86_64")]
edgegen_macros::edge_model! {
    mod bare {
        model: "../../../examples/macro-assistant/models/tiny.bin",
        platform: "bare_x86_64.toml",
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
        Err(error) if cfg!(target_feature = "avx2") => panic!("{error}"),
        Err(error) => {
            assert_eq!(error, bare::Error::MissingInstructionSet("avx2"));
            assert!(error.to_string().starts_with("the compiler was not told"));
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

/// Prompts that share beginnings, in one session: less is computed, and the texts are those of a
/// new session each.
#[test]
fn shared_beginnings_change_no_text() {
    let options = quantized::Options {
        max_tokens: 4,
        ..quantized::Options::default()
    };
    let answer = |session: &mut quantized::Session<_>, prompt: &str| {
        let mut generation = session.generate(prompt, &options).unwrap();
        let tokens: Vec<_> = generation.by_ref().map(|piece| piece.token()).collect();
        (
            tokens,
            generation.prompt_tokens(),
            generation.cached_tokens(),
        )
    };
    let mut session = quantized::Session::new();
    let mut cached = Vec::new();
    for prompt in [
        "hello there",
        "hello there",
        "hello you",
        "the hello",
        "hello there you",
    ] {
        let (tokens, all, reused) = answer(&mut session, prompt);
        let (alone, _, none) = answer(&mut quantized::Session::new(), prompt);
        assert_eq!(tokens, alone, "{prompt}");
        assert_eq!(none, 0, "{prompt}");
        assert!(reused < all, "{prompt}");
        cached.push((reused, all));
    }
    assert_eq!(cached[0].0, 0);
    assert_eq!(cached[1].0, cached[1].1 - 1, "all but the last token");
    assert!(
        cached[2].0 > 1 && cached[2].0 < cached[2].1 - 1,
        "{cached:?}"
    );

    // A restored session knows its tokens; one that was reset, none.
    let mut saved = vec![0; session.saved_bytes()];
    session.save(&mut saved).unwrap();
    let mut restored = quantized::Session::new();
    restored.restore(&saved).unwrap();
    let (_, all, reused) = answer(&mut restored, "hello there you");
    assert_eq!(reused, all - 1);
    restored.reset();
    assert_eq!(answer(&mut restored, "hello there you").2, 0);
}

/// Token by token there are no guesses; with them, answers are the same, and so is what follows
/// an answer that was not taken to its end.
#[test]
fn guesses_change_no_token() {
    let mut guessed = 0;
    for seed in 0..24 {
        let options = kept::Options {
            max_tokens: 40,
            temperature: if seed < 16 { 0.0 } else { 0.3 },
            seed,
            ..kept::Options::default()
        };
        let words = ["the hello you ", "hello there ", "a b ", "you you "];
        let prompt = words[seed as usize % 4].repeat(1 + seed as usize / 4 % 4);
        let run = |batch: usize| {
            let mut session = kept::Session::new();
            session.set_batch(batch);
            let mut generation = session.generate(&prompt, &options).unwrap();
            let mut tokens: Vec<_> = generation
                .by_ref()
                .take(1 + seed as usize)
                .map(|piece| piece.token())
                .collect();
            let count = generation.guessed_tokens();
            let position = session.position();
            let rest = session.generate_tokens(&[5], &options).unwrap();
            tokens.extend(rest.map(|piece| piece.token()));
            (tokens, position, count)
        };
        let (tokens, position, count) = run(kept::BATCH);
        assert_eq!(run(1), (tokens, position, 0), "seed {seed}");
        guessed += count;
    }
    assert!(guessed > 20, "{guessed}");
}

/// What a request gave: tokens, why it ended, tokens fed, and what comes after it.
type Given = (
    Vec<Option<u32>>,
    Option<microcontroller::Finish>,
    usize,
    Vec<Option<u32>>,
);

fn ask(
    session: &mut microcontroller::Session<&mut microcontroller::Memory>,
    prompt: &str,
    options: &microcontroller::Options,
) -> (Given, bool) {
    let mut generation = session.generate(prompt, options).unwrap();
    let tokens = generation.by_ref().map(|piece| piece.token()).collect();
    let recalled = generation.cached_tokens() == generation.prompt_tokens();
    let (finish, position) = (generation.finish(), session.position());
    let after = match session.generate_tokens(
        &[7],
        &microcontroller::Options {
            max_tokens: 3,
            ..*options
        },
    ) {
        Ok(rest) => rest.map(|piece| piece.token()).collect(),
        Err(error) => vec![error.to_string().bytes().next().map(u32::from)],
    };
    ((tokens, finish, position, after), recalled)
}

/// The same request gives the same answer without computing it, and a session that is as if it had.
#[test]
fn an_answer_is_given_again() {
    let greedy = microcontroller::Options {
        max_tokens: 9,
        ..microcontroller::Options::new()
    };
    let sampled = microcontroller::Options {
        temperature: 0.9,
        max_tokens: usize::MAX,
        seed: 11,
        ..greedy
    };
    let mut memories = [[0.0; microcontroller::MEMORY_LEN]; 2];
    let [memory, fresh] = &mut memories;
    let mut session = microcontroller::Session::with_memory(memory).unwrap();
    let mut recalls = Vec::new();
    for (prompt, options) in [
        ("hello there", greedy),
        ("hello there", greedy),
        ("hello there", sampled),
        ("the hello", greedy),
        ("hello there", greedy),
        (
            "hello there",
            microcontroller::Options {
                seed: 12,
                ..sampled
            },
        ),
        ("hello there", sampled),
    ] {
        let mut alone = microcontroller::Session::with_memory(&mut *fresh).unwrap();
        let (expected, none) = ask(&mut alone, prompt, &options);
        assert!(!none);
        let (given, recalled) = ask(&mut session, prompt, &options);
        assert_eq!(given, expected, "{prompt} {options:?}");
        recalls.push(recalled);
    }
    assert_eq!(recalls[..5], [false, true, false, false, true]);
    // The memory is bounded: long answers pushed others out, or did not fit.
    assert!(!recalls[5]);
    session.reset();
    assert!(!ask(&mut session, "hello there", &greedy).1);
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

/// A state with the right hash and 3.5 for its first token is refused.
fn refused_for_its_content<M>(session: &mut kept::Session<M>, saved: &[u8])
where
    M: std::ops::DerefMut<Target = kept::Memory>,
{
    let mut saved = saved.to_vec();
    let words = 32..saved.len() - 8;
    saved[32..36].copy_from_slice(&3.5_f32.to_le_bytes());
    let mut hash = runtime_kernels::BitHash::new();
    for word in saved[words.clone()].as_chunks().0 {
        hash.update(&[f32::from_le_bytes(*word)]);
    }
    saved[words.end..].copy_from_slice(&hash.finish().to_le_bytes());
    let error = session.restore(&saved).unwrap_err();
    assert!(error.to_string().contains("no token"), "{error}");
}

/// A thread may round otherwise, trap, or take subnormal numbers for zero.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_callers_floating_point_mode_changes_nothing() {
    use std::arch::asm;

    /// Runs in a mode of MXCSR, and says what is left of it. Not inlined, so that nothing of
    /// `run` happens outside of it.
    #[inline(never)]
    fn in_mode<R>(mode: u32, run: impl FnOnce() -> R) -> (R, u32) {
        const DEFAULT: u32 = 0x1f80;
        let mut after = 0u32;
        // SAFETY: the instruction reads a constant without reserved bits.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &mode) };
        let result = run();
        // SAFETY: the instructions write a variable, and read a constant without reserved bits.
        unsafe { asm!("stmxcsr [{}]", "ldmxcsr [{}]", in(reg) &mut after, in(reg) &DEFAULT) };
        (result, after)
    }

    let options = kept::Options {
        max_tokens: 12,
        temperature: 1.3,
        seed: 11,
        ..kept::Options::default()
    };
    for threads in [1, 3] {
        // Nothing is known from before.
        let answer = || {
            let mut session = kept::Session::new();
            session.set_threads(threads);
            let passed = kept::self_test(&mut session).passed();
            session.reset();
            let pieces = session.generate("hello there", &options).unwrap();
            let tokens: Vec<_> = pieces.map(|piece| piece.token()).collect();
            // The smallest positive number is one.
            let least = f32::from_bits(1);
            let judged = [(1.0, least), (-least, 1.0)].map(|(temperature, top_p)| {
                let options = kept::Options {
                    temperature,
                    top_p,
                    ..options
                };
                session.generate("hello", &options).is_ok()
            });
            // The answer that is known with its figures, and a state that holds no numbers.
            let completion = session.complete("hello there", &options).unwrap();
            assert!(completion.tokens_per_second() >= 0.0);
            assert_eq!(
                completion.tokens,
                tokens.iter().flatten().copied().collect::<Vec<_>>()
            );
            let mut saved = vec![0; session.saved_bytes()];
            session.save(&mut saved).unwrap();
            session.restore(&saved).unwrap();
            refused_for_its_content(&mut session, &saved);
            // Zeros among tokens, as many as are stored at once.
            session.reset();
            session.feed(&[0, 5, 0, 7, 0, 9, 0, 1, 2, 0, 0, 0]).unwrap();
            let mut saved = vec![0; session.saved_bytes()];
            session.save(&mut saved).unwrap();
            session.restore(&saved).unwrap();
            (passed, judged, tokens)
        };
        let expected = answer();
        assert!(expected.0);
        assert_eq!(expected.1, [true, false]);
        // Flush to zero with denormals are zero; down, up, to zero; all traps.
        for mode in [0x9fc0, 0x3f80, 0x5f80, 0x7f80, 0] {
            let found = in_mode(mode, answer);
            assert_eq!(
                found,
                (expected.clone(), mode),
                "mode {mode:#x}, {threads} threads"
            );
        }
    }
}
