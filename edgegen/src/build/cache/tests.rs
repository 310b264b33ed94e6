use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

fn cache() -> (tempfile::TempDir, Modules) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Modules::at(folder.path().join("cache"));
    (folder, cache)
}

/// Asks for an entry that holds `text`; whether it was made.
fn made(cache: &Modules, key: &str, text: &str) -> bool {
    let made = Cell::new(false);
    let make = |put: Put<'_>| {
        made.set(true);
        let files = BTreeMap::from([("module.rs", text.as_bytes()), ("weights/0.bin", &[7; 99])]);
        put.files(&files).map_err(Refusal::cache)
    };
    let entry = cache.get(key, make).unwrap();
    assert_eq!(fs::read_to_string(entry.join("module.rs")).unwrap(), text);
    assert_eq!(fs::read(entry.join("weights/0.bin")).unwrap(), [7; 99]);
    made.get()
}

#[test]
fn an_entry_is_made_once() {
    let (_folder, cache) = cache();
    assert!(made(&cache, "a", "text"));
    assert!(!made(&cache, "a", "text"));
    assert!(made(&cache, "b", "other"));
    assert!(!made(&cache, "a", "text"));
}

#[test]
fn of_threads_that_want_the_same_one_makes_it() {
    let (_folder, cache) = cache();
    let count = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                if made(&cache, "a", "text") {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(count.into_inner(), 1);
}

#[test]
fn what_is_not_as_it_was_made_is_made_again() {
    let (_folder, cache) = cache();
    made(&cache, "a", "text");
    let entry = cache.entries().join("a");
    let weights = entry.join("weights/0.bin");
    type Damage<'a> = &'a dyn Fn();
    let damages: [Damage<'_>; 5] = [
        &|| fs::write(&weights, [7; 98]).unwrap(),
        &|| fs::write(&weights, [8; 99]).unwrap(),
        &|| fs::remove_file(&weights).unwrap(),
        &|| fs::write(entry.join(INDEX), "no length").unwrap(),
        &|| fs::write(entry.join(INDEX), "").unwrap(),
    ];
    for damage in damages {
        damage();
        assert!(made(&cache, "a", "text"));
        assert!(!made(&cache, "a", "text"));
    }
}

#[test]
fn a_refusal_leaves_nothing() {
    let (_folder, cache) = cache();
    let refused = cache.get("a", |_| Err(Refusal::cache(Error::new("no"))));
    assert_eq!(refused.unwrap_err().to_string(), "no");
    assert!(made(&cache, "a", "text"));
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
    let (_folder, cache) = cache();
    // Neither by name nor in the order in which they were made.
    let days = [("c", 5), ("a", 3), ("e", 6), ("b", 7), ("f", 4), ("d", 2)];
    for key in days.map(|(key, _)| key).iter().chain(&["new"]) {
        made(&cache, key, "text");
    }
    for (key, days) in days {
        let time = SystemTime::now() - IN_USE * days;
        cache.lock(key).unwrap().set_modified(time).unwrap();
    }
    let keys = || {
        let entries = cache.entries().read_dir().unwrap();
        let mut keys: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        keys.sort();
        keys
    };
    let one = bytes(&cache.entries().join("a"));
    assert!(one > 99);
    for (most, left) in [
        (7 * one, &["a", "b", "c", "d", "e", "f", "new"][..]),
        (7 * one - 1, &["a", "c", "d", "e", "f", "new"]),
        (5 * one, &["a", "c", "d", "f", "new"]),
        (3 * one, &["a", "d", "new"]),
        (0, &["new"]),
    ] {
        cache.shrink(most);
        assert_eq!(keys(), left);
    }
    assert!(made(&cache, "a", "text"));
    // It was used now.
    cache.shrink(0);
    assert_eq!(keys(), ["a", "new"]);
    assert!(!made(&cache, "a", "text"));
}

/// Of a cache of 8 GB, what was used within a day stays. The files have holes in place of bytes.
#[test]
fn a_new_entry_makes_room_for_itself() {
    let (_folder, cache) = cache();
    for (total, hours, stays) in [
        (7_999_000_000, 48, true),
        (8_000_000_000, 23, true),
        (8_000_000_000, 25, false),
    ] {
        assert!(made(&cache, "old", "text"));
        let entry = cache.entries().join("old");
        let file = File::create(entry.join("large")).unwrap();
        file.set_len(total).unwrap();
        let time = SystemTime::now() - Duration::from_secs(3600 * hours);
        cache.lock("old").unwrap().set_modified(time).unwrap();
        assert!(made(&cache, "new", "text"));
        assert_eq!(entry.exists(), stays, "{total} bytes, {hours} hours");
        for key in ["old", "new"] {
            remove(&cache.entries().join(key)).unwrap();
        }
    }
}

#[test]
fn what_is_not_finished_is_swept_by_the_next_and_no_entry() {
    let (_folder, cache) = cache();
    made(&cache, "a", "text");
    let unfinished = cache.entries().join(".edgegen-mine");
    fs::create_dir(&unfinished).unwrap();
    cache.shrink(0);
    assert!(unfinished.exists());
    assert_eq!(cache.locks().read_dir().unwrap().count(), 1);
}

/// Not what is usually to be done about such a failure: the user chose no path.
#[test]
fn a_cache_that_cannot_be_written_says_how_to_choose_another() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = Modules::at(file.path().join("below"));
    let message = cache.lock("key").unwrap_err().to_string();
    let help = format!("help: set {VARIABLE} to the absolute path");
    assert!(message.contains(&help), "{message}");
}
