//! Wrong manifests, tables and annotations: one clear line with the file and the place.

mod common;

use common::Desk;
use restain_data::read_annotations;

#[test]
fn manifests() {
    let desk = Desk::new();
    desk.image("fields/a.png", 20, 20);
    let folder = "sources: [{folder: {path: fields}}]\n";
    for (manifest, words) in [
        ("", &["data.yaml", "empty"][..]),
        ("  \n", &["data.yaml", "empty"]),
        ("sources: []\n", &["data.yaml:1", "`sources` must name at least one"]),
        ("patches: {side: 64}\n", &["data.yaml", "sources"]),
        ("sources:\n  - folders: {path: fields}\n", &["data.yaml", "folders", "slides"]),
        ("sources:\n  - folder: {path: fields, labels: {}}\n", &["data.yaml:2", "unknown field `labels`"]),
        ("sources:\n  - folder: {path: fields, group: {patient: 1}}\n", &["data.yaml", "patient"]),
        ("sources:\n  - folder: {path: fields, group: {column: patient}}\n", &["`group`", "patient"]),
        ("sources:\n  - folder: {path: fields\n", &["data.yaml", "line"]),
        (
            "patches: {side: 0}\nsources: [{folder: {path: fields}}]\n",
            &["data.yaml:1", "`side` must be 1 to 4096"],
        ),
        ("patches:\n  side: 4294967295\nsources: [{folder: {path: fields}}]\n", &["data.yaml:2", "`side`"]),
        (
            "patches:\n  side: 99999999999\nsources: [{folder: {path: fields}}]\n",
            &["data.yaml:2", "99999999999"],
        ),
        ("patches: {mpp: .nan}\nsources: [{folder: {path: fields}}]\n", &["`mpp` must be 0.01 to 100"]),
        ("patches: {memory_limit: 0}\nsources: [{folder: {path: fields}}]\n", &["`memory_limit` must be"]),
        (
            "patches: {padding: mirror}\nsources: [{folder: {path: fields}}]\n",
            &["data.yaml:1", "mirror", "reflect"],
        ),
        ("sources: [{folder: {path: fields, mpp: -1}}]\n", &["`mpp` must be"]),
        ("sources: [{folder: {path: nowhere}}]\n", &["nowhere", "cannot list"]),
        ("sources: [{classes: {path: fields, labels: {a: good}}}]\n", &["data.yaml:1", "good", "abnormal"]),
        ("sources: [{points: {table: t.csv, x: x}}]\n", &["both `x` and `y`"]),
        ("sources: [{slides: {paths: ['*.mrxs']}}]\n", &["*.mrxs", "no slide matches"]),
        ("sources: [{slides: {paths: [none.mrxs]}}]\n", &["none.mrxs", "no such file"]),
        ("sources: [{slides: {paths: []}}]\n", &["none of 0 samples is left"]),
    ] {
        desk.fails(manifest, words);
    }
    for (split, words) in [
        ("split: {shares: {seed: 1, parts: {a: 0.5, b: 0.6}}}\n", "add up to 1"),
        ("split: {folds: {seed: 1, count: 1}}\n", "folds must be"),
        ("split: {groups: {train: [a.png], test: [a.png]}}\n", "leaks"),
        ("split: {groups: {train: [b.png]}}\n", "`b.png`, which the dataset does not have"),
    ] {
        let error =
            desk.load(&format!("{folder}{split}")).unwrap().split_as_stated().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    desk.fails(&format!("{folder}split: {{thirds: 3}}\n"), &["data.yaml", "thirds"]);
    desk.write("latin.yaml", b"patches: {side: 64}\n# Pr\xe4parat\n");
    let error = restain_data::Dataset::load(desk.path("latin.yaml")).unwrap_err().to_string();
    assert!(error.contains("latin.yaml:2") && error.contains("UTF-8"), "{error}");
}

#[test]
fn tables() {
    let desk = Desk::new();
    desk.image("a.png", 20, 20);
    let manifest =
        "sources: [{points: {table: t.csv, x: x, y: y, label: label, group: {column: patient}}}]\n";
    desk.fails(manifest, &["t.csv", "cannot read"]);
    let good = "path,x,y,label,patient\na.png,1,2,normal,P\n";
    let mut bytes = good.as_bytes().to_vec();
    for (table, words) in [
        ("", &["t.csv", "empty"][..]),
        ("path,x,y,label,patient\n", &["t.csv", "no row"]),
        (
            "path,x,label,patient\na.png,1,normal,P\n",
            &["t.csv:1", "no column `y`", "path, x, label, patient"],
        ),
        ("path,x,y,y,label,patient\na.png,1,2,2,normal,P\n", &["t.csv:1", "two columns `y`"]),
        ("path,x,y,label\na.png,1,2,normal\n", &["t.csv:1", "no column `patient`"]),
        (&format!("{good}a.png,NaN,2,normal,P\n"), &["t.csv:3", "`NaN` is no number"]),
        (&format!("{good}a.png,inf,2,normal,P\n"), &["t.csv:3", "`inf` is no number"]),
        (&format!("{good}a.png,,2,normal,P\n"), &["t.csv:3", "`` is no number"]),
        (&format!("{good}a.png,1e300,2,normal,P\n"), &["t.csv:3", "lies outside", "a.png", "20 x 20"]),
        (&format!("{good}a.png,1,-1,normal,P\n"), &["t.csv:3", "lies outside"]),
        (&format!("{good}a.png,1,2,Normal?,P\n"), &["t.csv:3", "`Normal?`", "neither"]),
        (&format!("{good}a.png,1,2,normal,\n"), &["t.csv:3", "group is empty"]),
        (&format!("{good},1,2,normal,P\n"), &["t.csv:3", "`path` is empty"]),
        (&format!("{good}b.png,1,2,normal,P\n"), &["t.csv:3", "b.png"]),
        (&format!("{good}a.png,1,2\n"), &["t.csv", "line: 3"]),
        (&format!("{good}a.png,3,4,normal,Q\n"), &["a.png", "the groups `P` and `Q`"]),
    ] {
        desk.write("t.csv", table);
        desk.fails(manifest, words);
    }
    bytes.extend(b"a.png,1,2,\xff,P\n");
    desk.write("t.csv", &bytes);
    desk.fails(manifest, &["t.csv:3", "UTF-8"]);
    desk.write("t.csv", good);
    assert_eq!(desk.load(manifest).unwrap().samples().len(), 1);
    let mapped = manifest.replace("label: label", "label: label, labels: {abnormal: abnormal}");
    desk.fails(&mapped, &["t.csv:2", "`normal` has no label"]);
}

#[test]
fn one_picture_by_two_names_is_still_one() {
    let desk = Desk::new();
    desk.image("fields/a.png", 20, 20);
    std::os::unix::fs::symlink(desk.path("fields"), desk.path("link")).unwrap();
    let manifest =
        "sources:\n  - folder: {path: fields, group: folder}\n  - folder: {path: link, group: file}\n";
    desk.fails(manifest, &["a.png", "belongs to the groups", "two parts at once"]);
}

#[test]
fn annotations() {
    let desk = Desk::new();
    let point = r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}}"#;
    let of = |geometry: &str, properties: &str| {
        format!(r#"[{point},{{"type":"Feature","geometry":{geometry},"properties":{properties}}}]"#)
    };
    let line = r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#;
    for (text, words) in [
        (String::new(), &["a.geojson", "empty"][..]),
        ("{".to_owned(), &["a.geojson:1", "EOF"]),
        (format!("[\n{point},\n{}", &point[..40]), &["a.geojson:3", "EOF"]),
        ("[1]".to_owned(), &["a.geojson: object 1"]),
        ("3".to_owned(), &["a.geojson", "no GeoJSON"]),
        ("{}".to_owned(), &["a.geojson", "no GeoJSON"]),
        ("[]".to_owned(), &["a.geojson", "no annotation"]),
        (r#"{"type":"FeatureCollection","features":[]}"#.to_owned(), &["no annotation"]),
        (of(r#"{"type":"Point","coordinates":[NaN,2]}"#, "{}"), &["a.geojson:1", "no NaN"]),
        (of(r#"{"type":"Point","coordinates":[1e999,2]}"#, "{}"), &["a.geojson:1", "out of range"]),
        (of(r#"{"type":"Point","coordinates":[1e300,2]}"#, "{}"), &["a.geojson: object 2", "on no slide"]),
        (of(r#"{"type":"Point","coordinates":[1]}"#, "{}"), &["a.geojson: object 2"]),
        (of(r#"{"type":"Point","coordinates":[]}"#, "{}"), &["a.geojson: object 2"]),
        (of(r#"{"type":"Polygon","coordinates":[]}"#, "{}"), &["a.geojson: object 2", "no point"]),
        (of(r#"{"type":"Polygon","coordinates":[[]]}"#, "{}"), &["a.geojson: object 2", "no point"]),
        (of(r#"{"type":"Circle","coordinates":[1,2]}"#, "{}"), &["a.geojson: object 2", "Circle"]),
        (of("null", "{}"), &["a.geojson: object 2", "no geometry"]),
        (of(line, "{}"), &["a.geojson: object 2", "LineString"]),
        (
            of(r#"{"type":"Point","coordinates":[1,2]}"#, r#"{"classification":{"name":3}}"#),
            &["a.geojson: object 2", "no name"],
        ),
        (
            of(r#"{"type":"Point","coordinates":[1,2]}"#, r#"{"classification":{"name":" "}}"#),
            &["a.geojson: object 2", "no name"],
        ),
        (format!("{}{}", "[".repeat(9999), "]".repeat(9999)), &["a.geojson:1", "recursion limit"]),
    ] {
        desk.write("a.geojson", &text);
        let error = read_annotations(&desk.path("a.geojson")).unwrap_err().to_string();
        println!("{error}");
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {error}");
        }
    }
    desk.write("a.geojson", b"[\n\xff]");
    let error = read_annotations(&desk.path("a.geojson")).unwrap_err().to_string();
    assert!(error.contains("a.geojson:2") && error.contains("UTF-8"), "{error}");
}
