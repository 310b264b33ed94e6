//! Names of a model's files where it is in several, as llama.cpp's gguf-split gives them:
//! `NAME-00001-of-00003.gguf` and so on.

/// Most files of a model.
const MOST: usize = 99_999;

/// What the name of one of several files says, or a path that ends so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardName<'a> {
    stem: &'a str,
    /// Which file it is, from 1.
    pub(crate) number: usize,
    /// How many there are.
    pub(crate) count: usize,
}

impl<'a> ShardName<'a> {
    /// Takes a name apart; nothing, if it is that of a whole file.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (stem, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
        let (stem, number) = stem.rsplit_once('-')?;
        let parsed = |digits: &str| {
            let number = digits.parse().ok().filter(|number| *number <= MOST)?;
            (format!("{number:05}") == digits).then_some(number)
        };
        let (number, count) = (parsed(number)?, parsed(count)?);
        (1..=count).contains(&number).then_some(Self {
            stem,
            number,
            count,
        })
    }

    /// The name of the file with another number.
    pub(crate) fn nth(self, number: usize) -> String {
        format!("{}-{number:05}-of-{:05}.gguf", self.stem, self.count)
    }

    /// The names of all files, in order.
    pub(crate) fn all(self) -> impl Iterator<Item = String> {
        (1..=self.count).map(move |number| self.nth(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_one_of_all(stem in "[a-z/-]{0,9}", number in 1usize..200, more in 0usize..9) {
            let count = number + more;
            let name = format!("{stem}-{number:05}-of-{count:05}.gguf");
            let shard = ShardName::parse(&name).unwrap();
            prop_assert_eq!((shard.number, shard.count), (number, count));
            let all: Vec<_> = shard.all().collect();
            prop_assert_eq!(all.len(), count);
            prop_assert_eq!(&all[number - 1], &name);
        }
    }

    #[test]
    fn other_names_are_of_whole_files() {
        for name in [
            "c.gguf",
            "c-1-of-2.gguf",
            "c-00001-of-00002.bin",
            "c-00000-of-00002.gguf",
            "c-00003-of-00002.gguf",
            "c-+0001-of-00002.gguf",
            "c-100000-of-100000.gguf",
        ] {
            assert_eq!(ShardName::parse(name), None, "{name}");
        }
    }
}
