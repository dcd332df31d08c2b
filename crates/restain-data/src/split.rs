//! Which group is in which part.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// How a dataset is cut into parts; a group is never cut.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Split {
    /// Parts of about these shares of the groups. Where a group goes depends on its name and the seed alone: more data
    /// do not move the others.
    Shares {
        /// Seed of the choice.
        seed: u64,
        /// Share of each part, above 0; together 1.
        parts: BTreeMap<String, f64>,
    },
    /// As many parts of about the same size, named `0`, `1` and so on, for cross-validation.
    Folds {
        /// Seed of the choice.
        seed: u64,
        /// How many, 2 to 100.
        count: u32,
    },
    /// These groups in these parts, each group in exactly one.
    Groups(BTreeMap<String, Vec<String>>),
}

impl Split {
    /// Gives each group its part.
    ///
    /// # Errors
    /// [`Error::Leak`] where a list has a group in two parts, [`Error::NoSuchGroup`], [`Error::InNoPart`],
    /// [`Error::EmptyPart`], and [`Error::Split`] where shares or the number of folds make no sense.
    pub fn assign<'a>(&self, groups: &BTreeSet<&'a str>) -> Result<BTreeMap<&'a str, String>> {
        let (names, assigned) = match self {
            Self::Shares { seed, parts } => {
                let total: f64 = parts.values().sum();
                if parts.values().any(|share| share.is_nan() || *share <= 0.0) || (total - 1.0).abs() > 1e-6 {
                    return Err(Error::Split { message: "shares must be above 0 and add up to 1" });
                }
                let part = |group: &str| {
                    let mut left = position(*seed, group);
                    let found = parts.iter().find(|(_, share)| {
                        left -= **share;
                        left < 0.0
                    });
                    // Shares may add up to a hair less than 1.
                    found.or(parts.last_key_value()).map(|(name, _)| name.clone()).unwrap_or_default()
                };
                (parts.keys().cloned().collect(), groups.iter().map(|&group| (group, part(group))).collect())
            }
            Self::Folds { seed, count } => {
                if !(2..=100).contains(count) {
                    return Err(Error::Split { message: "folds must be 2 to 100" });
                }
                let part = |group: &str| ((position(*seed, group) * f64::from(*count)) as u32).to_string();
                let names = (0..*count).map(|fold| fold.to_string()).collect();
                (names, groups.iter().map(|&group| (group, part(group))).collect())
            }
            Self::Groups(parts) => (parts.keys().cloned().collect::<Vec<_>>(), listed(parts, groups)?),
        };
        let filled: BTreeSet<&String> = assigned.values().collect();
        match names.into_iter().find(|name| !filled.contains(name)) {
            Some(part) => Err(Error::EmptyPart { part, groups: groups.len() }),
            None => Ok(assigned),
        }
    }
}

/// Looks a list through: every group of the dataset once, and no other.
fn listed<'a>(
    parts: &BTreeMap<String, Vec<String>>,
    groups: &BTreeSet<&'a str>,
) -> Result<BTreeMap<&'a str, String>> {
    let mut assigned = BTreeMap::new();
    for (part, group) in parts.iter().flat_map(|(part, groups)| groups.iter().map(move |group| (part, group)))
    {
        let Some(&known) = groups.get(group.as_str()) else {
            return Err(Error::NoSuchGroup { group: group.clone(), part: part.clone() });
        };
        if let Some(first) = assigned.insert(known, part.clone()).filter(|first| first != part) {
            return Err(Error::Leak { group: group.clone(), first, second: part.clone() });
        }
    }
    match groups.iter().find(|&&group| !assigned.contains_key(group)) {
        Some(&group) => Err(Error::InNoPart { group: group.to_owned() }),
        None => Ok(assigned),
    }
}

/// Place of a name in 0..1, evenly spread and different for each seed.
fn position(seed: u64, name: &str) -> f64 {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    let top = hash.iter().take(4).fold(0_u32, |top, &byte| top << 8 | u32::from(byte));
    f64::from(top) / 2_f64.powi(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<T: Clone>(parts: &[(&str, T)]) -> BTreeMap<String, T> {
        parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect()
    }

    fn list(train: &[&str], test: &[&str]) -> Split {
        let own = |groups: &[&str]| groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>();
        Split::Groups(parts(&[("train", own(train)), ("test", own(test))]))
    }

    #[test]
    fn a_list_gives_every_group_one_part() {
        let groups = BTreeSet::from(["a", "b", "c"]);
        let assigned = list(&["a", "c"], &["b"]).assign(&groups).unwrap();
        assert_eq!(assigned["a"], "train");
        assert_eq!(assigned["b"], "test");
        let fails =
            |train: &[&str], test: &[&str]| list(train, test).assign(&groups).unwrap_err().to_string();
        assert_eq!(
            fails(&["a", "b", "c"], &["b"]),
            "the split leaks: the group `b` is in the part `test` and in the part `train`"
        );
        assert!(fails(&["a", "d"], &["b", "c"]).contains("`d`, which the dataset does not have"));
        assert!(fails(&["a"], &["b"]).contains("`c` is in no part"));
        assert!(fails(&["a", "b", "c"], &[]).contains("`test` got no sample"));
    }

    #[test]
    fn shares_are_about_what_they_say_and_stay_where_they_are() {
        let names: Vec<String> = (0..4000).map(|i| format!("field {i}")).collect();
        let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let half: BTreeSet<&str> = names[..2000].iter().map(String::as_str).collect();
        let shares =
            |seed| Split::Shares { seed, parts: parts(&[("train", 0.7), ("val", 0.1), ("test", 0.2)]) };
        let (of_all, of_half) = (shares(1).assign(&all).unwrap(), shares(1).assign(&half).unwrap());
        assert!(of_half.iter().all(|(group, part)| of_all[group] == *part), "more data moved a group");
        let count = |name: &str| of_all.values().filter(|part| *part == name).count();
        // Three standard deviations of 4000 draws.
        for (name, expected) in [("train", 2800), ("val", 400), ("test", 800)] {
            assert!(count(name).abs_diff(expected) < 90, "{name}: {}", count(name));
        }
        assert_ne!(of_all, shares(2).assign(&all).unwrap());
    }

    #[test]
    fn shares_and_folds_without_sense_are_refused() {
        let groups = BTreeSet::from(["a"]);
        for shares in [[0.5, 0.4], [1.5, -0.5], [1.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
            let split = Split::Shares { seed: 1, parts: parts(&[("a", shares[0]), ("b", shares[1])]) };
            assert!(matches!(split.assign(&groups), Err(Error::Split { .. })), "{shares:?}");
        }
        for count in [0, 1, 101, u32::MAX] {
            assert!(matches!(Split::Folds { seed: 1, count }.assign(&groups), Err(Error::Split { .. })));
        }
        assert!(matches!(Split::Folds { seed: 1, count: 2 }.assign(&groups), Err(Error::EmptyPart { .. })));
        assert!(matches!(
            Split::Shares { seed: 1, parts: BTreeMap::new() }.assign(&groups),
            Err(Error::Split { .. })
        ));
    }
}
