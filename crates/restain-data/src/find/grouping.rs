//! Telling a sample's group.

use std::path::Path;

use regex::Regex;

use crate::{Error, Group, Result};

/// A rule for groups, ready for use.
pub(crate) enum Grouping {
    File,
    Folder,
    Pattern(Regex),
}

impl Grouping {
    /// Prepares a rule for a source without a table.
    pub(crate) fn new(group: &Group) -> Result<Self> {
        match group {
            Group::File => Ok(Self::File),
            Group::Folder => Ok(Self::Folder),
            Group::Pattern(pattern) => {
                let rule = |message: String| Error::GroupRule { message };
                let regex =
                    Regex::new(pattern).map_err(|error| rule(error.to_string().replace('\n', " ")))?;
                if regex.captures_len() < 2 {
                    return Err(rule(format!(
                        "the pattern `{pattern}` needs parentheses about what names the group"
                    )));
                }
                Ok(Self::Pattern(regex))
            }
            Group::Column(column) => {
                let message = format!("there is no column `{column}`: only `points` have a table");
                Err(Error::GroupRule { message })
            }
        }
    }

    /// The group of a picture by its name inside the source's folder.
    pub(crate) fn of(&self, name: &str, path: &Path) -> Result<String> {
        match self {
            Self::File => Ok(name.to_owned()),
            Self::Folder => Ok(match name.rsplit_once('/') {
                Some((folder, _)) => folder.to_owned(),
                None => {
                    path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
                }
            }),
            Self::Pattern(regex) => {
                let found = regex.captures(name).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
                found.ok_or_else(|| Error::NoGroup {
                    path: path.to_owned(),
                    pattern: regex.as_str().to_owned(),
                    name: name.to_owned(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_file_folder_and_pattern() {
        let path = Path::new("/data/lbc/slide 7/P12_3.jpg");
        let of = |group| Grouping::new(&group).and_then(|grouping| grouping.of("slide 7/P12_3.jpg", path));
        assert_eq!(of(Group::File).unwrap(), "slide 7/P12_3.jpg");
        assert_eq!(of(Group::Folder).unwrap(), "slide 7");
        assert_eq!(Grouping::Folder.of("P12_3.jpg", path).unwrap(), "slide 7");
        assert_eq!(of(Group::Pattern("/(P[0-9]+)_".into())).unwrap(), "P12");
        let fails = |pattern: &str| of(Group::Pattern(pattern.to_owned())).unwrap_err().to_string();
        assert!(fails("(Q[0-9]+)").contains("P12_3.jpg"));
        assert!(fails("P[0-9]+").contains("needs parentheses"));
        assert!(fails("(P").contains("unclosed"));
        assert!(of(Group::Column("patient".into())).unwrap_err().to_string().contains("`patient`"));
    }
}
