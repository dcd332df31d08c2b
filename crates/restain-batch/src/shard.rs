//! A part of the slides: every n-th.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The i-th of n parts of a sorted list, as even as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The part of a task of a Slurm array job, from its environment: `SLURM_ARRAY_TASK_ID`, `_MIN` and `_COUNT`
    /// (<https://slurm.schedmd.com/job_array.html>). `None` outside of one, and where ids are not consecutive.
    pub fn of_slurm(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let (id, min, count) = (
            number("SLURM_ARRAY_TASK_ID")?,
            number("SLURM_ARRAY_TASK_MIN").unwrap_or(0),
            number("SLURM_ARRAY_TASK_COUNT")?,
        );
        let index = id.checked_sub(min)?;
        (index < count).then_some(Self { index, count })
    }

    /// What of a list belongs to this part.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.index).step_by(self.count).collect()
    }
}

impl FromStr for Shard {
    type Err = Error;

    /// Reads `1/4`, the first of four.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parts =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index: index - 1, count }),
            _ => Err(Error::Setting(format!("the shard {text:?} is none: the second of four is 2/4"))),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl TryFrom<String> for Shard {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_whole() {
        for count in 1..9 {
            let mut all: Vec<usize> = (1..=count)
                .flat_map(|index| {
                    format!("{index}/{count}").parse::<Shard>().expect("a shard").of((0..7).collect())
                })
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..7).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/2", "1/2/3", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/4".parse::<Shard>().expect("a shard").to_string(), "2/4");
    }

    #[test]
    fn slurm_counts_from_where_it_likes() {
        let slurm = |id: &str, min: Option<&str>, count: &str| {
            let (id, min, count) = (id.to_owned(), min.map(ToOwned::to_owned), count.to_owned());
            Shard::of_slurm(move |name| match name {
                "SLURM_ARRAY_TASK_ID" => Some(id.clone()),
                "SLURM_ARRAY_TASK_MIN" => min.clone(),
                "SLURM_ARRAY_TASK_COUNT" => Some(count.clone()),
                _ => None,
            })
        };
        assert_eq!(slurm("1", Some("1"), "4"), "1/4".parse().ok());
        assert_eq!(slurm("3", None, "4"), "4/4".parse().ok());
        assert_eq!(slurm("9", Some("1"), "4"), None);
        assert_eq!(Shard::of_slurm(|_| None), None);
    }
}
