//! Large and hostile schemas are compiled or refused in bounded time, memory and stack. One test,
//! in a program of its own, so that what it measures is its own.

use std::time::{Duration, Instant};

use edgegen::import::built_in;
use edgegen::model::Tokenizer;
use edgegen::schema::compile;

/// The time that this thread has run: other work beside the test does not count where the system
/// says so.
fn time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = ran.and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The most memory that this process had, in bytes, where the system says so.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

/// Members `"a0": value, "a1": value…`, or any other texts made of numbers, joined by commas.
fn many(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(",")
}

fn string(max: usize) -> String {
    format!(r#"{{"type":"string","maxLength":{max}}}"#)
}

fn object(count: usize, value: &str, required: bool) -> String {
    let properties = many(count, |i| format!(r#""name{i}":{value}"#));
    let names = if required {
        many(count, |i| format!(r#""name{i}""#))
    } else {
        String::new()
    };
    format!(r#"{{"type":"object","properties":{{{properties}}},"required":[{names}]}}"#)
}

/// Each level made of the one below by a text with `@` in it.
fn nested(levels: usize, around: &str) -> String {
    let (before, after) = around.split_once('@').unwrap();
    before.repeat(levels) + r#"{"type":"null"}"# + &after.repeat(levels)
}

/// Definitions of which each is made of the next one, whose name takes the place of `@`.
fn chain(count: usize, link: &str) -> String {
    let link = |i: usize| {
        format!(
            r##""d{i}":{}"##,
            link.replace('@', &format!("#/$defs/d{}", i + 1))
        )
    };
    let links = many(count, link);
    format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{links},"d{count}":{{"type":"null"}}}}}}"##)
}

#[test]
#[ignore = "long"]
fn time_memory_and_stack_are_bounded() {
    let reference = r##"{"$ref":"@"}"##;
    let array = r#"{"type":"array","items":@}"#;
    let twice = r##"{"type":"array","minItems":2,"maxItems":2,"items":{"$ref":"@"}}"##;
    let both = r##"{"type":"object","properties":{"a":{"$ref":"@"},"b":{"$ref":"@"}}}"##;
    let tagged = |i: usize| {
        format!(
            r#"{{"type":"object","properties":{{"kind":{{"const":{i}}}}},"required":["kind"]}}"#
        )
    };
    let same = |i: usize| {
        format!(
            r#"{{"type":"object","properties":{{"a{i}":{{"const":{i}}}}},"required":["a{i}"]}}"#
        )
    };
    let grid = |i: usize| {
        let (t, v) = (i / 70, i % 70);
        let properties = format!(r#""t":{{"const":{t}}},"v":{{"const":{v}}}"#);
        format!(r#"{{"type":"object","properties":{{{properties}}},"required":["t","v"]}}"#)
    };
    let property = r#"{"type":"object","properties":{"a":@}}"#;
    let any_of = r#"{"anyOf":[@,{"type":"string"}]}"#;
    // A chain of lists, the last of which is met first.
    let leaf_first = chain(1000, &array.replace('@', reference)).replacen(
        r##""$ref":"#/$defs/d0""##,
        &format!(
            r#""type":"object","properties":{{{}}}"#,
            many(1000, |i| format!(
                r##""p{i}":{{"$ref":"#/$defs/d{}"}}"##,
                1000 - i
            ))
        ),
        1,
    );
    let null = r#"{"type":"null"}"#;
    let spaces = |len: usize| null.to_owned() + &" ".repeat(len - null.len());
    let deep = "nested more than 48 levels deep";
    // Which of the alternatives are left is any subset.
    let subset = |count: usize, i: usize| {
        let digits = |j: usize| if i == j { "1" } else { "0,1" };
        let properties = many(count, |j| format!(r#""p{j}":{{"enum":[{}]}}"#, digits(j)));
        let names = many(count, |j| format!(r#""p{j}""#));
        format!(r#"{{"type":"object","properties":{{{properties}}},"required":[{names}]}}"#)
    };
    let fits = "";
    let large = "the schema needs more than 65535 states, most of them for ";
    let cases = [
        ("long strings", string(7281), fits.into()),
        (
            "strings that are one too long",
            string(7282),
            format!("{large}strings of 7282 characters"),
        ),
        (
            "longer strings",
            string(10_000),
            format!("{large}strings of 10000 characters"),
        ),
        (
            "long strings without a bound",
            r#"{"type":"string","minLength":7000}"#.into(),
            fits.into(),
        ),
        (
            "a long string inside",
            format!(
                r#"{{"type":"object","properties":{{"a":{}}}}}"#,
                string(10_000)
            ),
            format!("#/properties/a: {large}"),
        ),
        (
            "long lists",
            r#"{"type":"array","maxItems":10000,"items":{"type":"null"}}"#.into(),
            fits.into(),
        ),
        (
            "lists in lists",
            format!(
                r#"{{"type":"array","maxItems":10000,"items":{{"type":"array","maxItems":10000,"items":{}}}}}"#,
                string(10_000)
            ),
            format!("#/items: {large}10000 items"),
        ),
        (
            "2,000 optional properties",
            object(2000, r#"{"type":"boolean"}"#, false),
            fits.into(),
        ),
        (
            "2,000 required properties",
            object(2000, r#"{"type":"boolean"}"#, true),
            fits.into(),
        ),
        (
            "38,000 properties",
            object(38_000, r#"{"const":1}"#, false),
            format!("#: {large}38000 properties"),
        ),
        (
            "10,000 properties of strings",
            object(10_000, r#"{"type":"string"}"#, false),
            format!("#: {large}10000 properties"),
        ),
        (
            "20,000 required properties",
            object(20_000, r#"{"const":1}"#, true),
            format!("#: {large}20000 properties"),
        ),
        (
            "a long enum",
            format!(
                r#"{{"enum":[{}]}}"#,
                many(10_000, |i| (i * 7919 % 99_991).to_string())
            ),
            fits.into(),
        ),
        (
            "a longer enum",
            format!(
                r#"{{"enum":[{}]}}"#,
                many(60_000, |i| format!("\"value {i}\""))
            ),
            format!("#: {large}60000 constants"),
        ),
        (
            "long constants",
            format!(
                r#"{{"enum":["{}","{}"]}}"#,
                "a".repeat(30_000),
                "b".repeat(30_000)
            ),
            fits.into(),
        ),
        (
            "a name of 500 KB",
            format!(
                r#"{{"type":"object","properties":{{"{}":{{"type":"null"}}}}}}"#,
                "n".repeat(500_000)
            ),
            large.into(),
        ),
        (
            "long anyOf",
            format!(
                r#"{{"anyOf":[{}]}}"#,
                many(10_000, |i| format!(r#"{{"const":{i}}}"#))
            ),
            fits.into(),
        ),
        (
            "long oneOf",
            format!(
                r#"{{"oneOf":[{}]}}"#,
                many(20_000, |i| format!(r#"{{"const":{i}}}"#))
            ),
            fits.into(),
        ),
        (
            "oneOf of tagged objects",
            format!(r#"{{"oneOf":[{}]}}"#, many(5000, tagged)),
            fits.into(),
        ),
        (
            "oneOf of objects that no property tells apart",
            format!(r#"{{"oneOf":[{}]}}"#, many(4900, grid)),
            "too many alternatives to compare".into(),
        ),
        (
            "oneOf of objects that nothing tells apart",
            format!(r#"{{"oneOf":[{}]}}"#, many(5000, same)),
            "alternatives 0 and 1 are not known".into(),
        ),
        (
            "anyOf of strings",
            format!(r#"{{"anyOf":[{}]}}"#, many(60, |i| string(i + 300))),
            fits.into(),
        ),
        (
            "anyOf that grows exponentially",
            format!(r#"{{"anyOf":[{}]}}"#, many(24, |i| subset(24, i))),
            format!("#: {large}24 alternatives"),
        ),
        ("deep lists", nested(47, array), fits.into()),
        ("deeper lists", nested(48, array), deep.into()),
        ("deep objects", nested(47, property), fits.into()),
        ("deeper objects", nested(48, property), deep.into()),
        ("deep anyOf", nested(47, any_of), fits.into()),
        ("deeper anyOf", nested(48, any_of), deep.into()),
        ("deep by names that are known", leaf_first, deep.into()),
        (
            "very deep lists",
            nested(30_000, array),
            "recursion limit exceeded".into(),
        ),
        (
            "a chain of references",
            chain(20_000, reference),
            fits.into(),
        ),
        (
            "a deep chain",
            chain(10_000, &array.replace('@', reference)),
            deep.into(),
        ),
        (
            "twice as large with each level",
            chain(40, twice),
            large.into(),
        ),
        ("twice as large, by name", chain(40, both), large.into()),
        (
            "a ring of references",
            chain(20_000, reference).replace(r#":{"type":"null"}"#, r##":{"$ref":"#/$defs/d7"}"##),
            "leads back to itself".into(),
        ),
        (
            "required names",
            format!(
                r#"{{"type":"object","properties":{{"a":{{"type":"null"}}}},"required":[{}]}}"#,
                many(200_000, |_| "\"a\"".into())
            ),
            fits.into(),
        ),
        (
            "digits",
            format!(
                r#"{{"type":"number","minimum":0.{0}1,"exclusiveMaximum":{0}e-399999}}"#,
                "1".repeat(400_000)
            ),
            fits.into(),
        ),
        ("all that a schema may have", spaces(1 << 20), fits.into()),
        (
            "more than a schema may have",
            spaces((1 << 20) + 1),
            "the schema has more than 1048576 bytes".into(),
        ),
    ];
    let model = built_in().unwrap();
    let check = |tokenizer: &Tokenizer| {
        for (name, schema, expected) in &cases {
            let start = time();
            let compiled = compile(schema.as_bytes(), tokenizer);
            let took = time() - start;
            println!("{name}: {took:?}, {} MB", most_memory() >> 20);
            match compiled {
                Ok(_) => assert!(expected.is_empty(), "{name} is accepted"),
                Err(error) => {
                    let error = error.to_string();
                    let short: String = error.chars().take(300).collect();
                    assert!(
                        !expected.is_empty() && error.contains(&expected[..]),
                        "{name}: {short}"
                    );
                    assert!(error.contains("\n  help: "), "{name}: {short}");
                }
            }
            assert!(took < Duration::from_secs(8), "{name}: {took:?}");
            assert!(most_memory() < 700 << 20, "{name}: {} bytes", most_memory());
        }
    };
    // Half of what a thread gets, so that recursion is found.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let checked = thread.spawn_scoped(scope, || check(model.tokenizer()));
        checked.unwrap().join().unwrap();
    });
}
