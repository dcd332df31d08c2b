//! A group is in one part, whatever the split.

mod common;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use common::Desk;
use proptest::prelude::*;
use restain_data::{Dataset, Part, Split};

/// 36 rows of 24 images of 12 patients.
static DATASET: LazyLock<(Desk, Dataset)> = LazyLock::new(|| {
    let desk = Desk::new();
    let mut rows = vec!["path,x,y,group".to_owned()];
    for image in 0..24 {
        desk.image(&format!("{image}.png"), 8, 8);
        rows.push(format!("{image}.png,{},3,patient {}", image % 8, image % 12));
        if image % 2 == 0 {
            rows.push(format!("{image}.png,1,2,patient {}", image % 12));
        }
    }
    desk.write("cells.csv", rows.join("\n"));
    let dataset = Dataset::load(desk.path("cells.csv")).unwrap();
    (desk, dataset)
});

fn check(parts: &BTreeMap<String, Part>) -> Result<(), TestCaseError> {
    let dataset = &DATASET.1;
    let mut seen = std::collections::BTreeSet::new();
    for part in parts.values() {
        prop_assert!(!part.samples().is_empty());
        for group in part.groups() {
            prop_assert!(seen.insert(group.to_owned()), "{} is in two parts", group);
        }
        prop_assert!(part.samples().iter().all(|sample| dataset.samples().contains(sample)));
    }
    prop_assert_eq!(parts.values().map(|part| part.samples().len()).sum::<usize>(), dataset.samples().len());
    let joined = Part::joined(parts.values()).unwrap();
    prop_assert_eq!(joined.samples(), dataset.samples());
    Ok(())
}

proptest! {
    #[test]
    fn by_shares(seed: u64, weights in prop::collection::vec(1_u32..10, 1..4)) {
        let total: u32 = weights.iter().sum();
        let share = |(index, &weight): (usize, &u32)| (format!("part {index}"), f64::from(weight) / f64::from(total));
        let split = Split::Shares { seed, parts: weights.iter().enumerate().map(share).collect() };
        // A part may get nothing, which is an error of its own.
        if let Ok(parts) = DATASET.1.split(&split) {
            check(&parts)?;
        }
    }

    #[test]
    fn by_folds(seed: u64, count in 2_u32..5) {
        if let Ok(parts) = DATASET.1.split(&Split::Folds { seed, count }) {
            prop_assert_eq!(parts.len(), count as usize);
            check(&parts)?;
        }
    }

    #[test]
    fn by_list(places in prop::collection::vec(0_usize..3, 12), twice in prop::option::of((0_usize..12, 0_usize..3))) {
        let mut lists = BTreeMap::<String, Vec<String>>::new();
        let name = |part: usize| ["train", "val", "test"][part].to_owned();
        for (group, &part) in places.iter().enumerate() {
            lists.entry(name(part)).or_default().push(format!("patient {group}"));
        }
        if let Some((group, part)) = twice {
            lists.entry(name(part)).or_default().push(format!("patient {group}"));
        }
        let parts = DATASET.1.split(&Split::Groups(lists));
        match twice {
            Some((group, part)) if places[group] != part => {
                let said = parts.unwrap_err().to_string();
                let group = format!("`patient {group}`");
                prop_assert!(said.contains("leaks") && said.contains(&group), "{}", said);
            }
            _ => check(&parts.unwrap())?,
        }
    }
}
